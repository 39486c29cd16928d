/** What a first visitor finds in the editor: how to sign in, and one question worth asking. */
export const defaultQuery = `# Who are you? Say so under "Headers" below:
#   {"Authorization": "Bearer <token>"}
# then fetch the schema anew (the circling
# arrows, bottom left) and press play.

# What may be shown where, right now?
query Available {
  me {
    __typename
  }
  channels(first: 5) {
    nodes {
      slug
      contents(first: 3) {
        nodes {
          __typename
          id
          title
        }
      }
    }
  }
}
`;
