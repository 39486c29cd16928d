/**
 * What a console built with Relay asks. Nothing runs it: that the compiler takes it shows that the schema is one
 * Relay can page through, refetch from and update its store by.
 */
import { graphql } from "react-relay";

/** A page that opens with the next one's cursor kept in the store. */
export const libraryQuery = graphql`
  query LibraryQuery($count: Int!, $cursor: String, $filter: ContentFilter) {
    ...Library_assets @arguments(count: $count, cursor: $cursor, filter: $filter)
    ...Library_endorsements @arguments(count: $count, filter: $filter)
    me {
      __typename
      ... on AccessToken {
        name
        scopes
      }
    }
  }
`;

/** A list of the root that is read on by its connection, forwards. */
export const libraryAssets = graphql`
  fragment Library_assets on Query
  @refetchable(queryName: "LibraryAssetsPaginationQuery")
  @argumentDefinitions(
    count: { type: "Int", defaultValue: 20 }
    cursor: { type: "String" }
    filter: { type: "ContentFilter" }
  ) {
    assets(first: $count, after: $cursor, filter: $filter) @connection(key: "Library_assets", filters: ["filter"]) {
      totalCount
      edges {
        cursor
        node {
          id
          kind
          ...Library_card
          ...Library_picture
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;

export const libraryEndorsements = graphql`
  fragment Library_endorsements on Query
  @argumentDefinitions(count: { type: "Int!" }, filter: { type: "ContentFilter" }) {
    endorsements(first: $count, filter: $filter) @connection(key: "Library_endorsements", filters: ["filter"]) {
      edges {
        node {
          id
          outlet {
            id
            name
          }
          ...Library_card
        }
      }
    }
  }
`;

/** Both kinds by their interface. */
export const libraryCard = graphql`
  fragment Library_card on Content {
    __typename
    id
    title
    status
    revision
    products {
      id
      sku
    }
    version {
      __typename
      number
      state
    }
    ... on Endorsement {
      publishedOn
    }
  }
`;

export const libraryPicture = graphql`
  fragment Library_picture on Asset {
    alt(locale: "en")
    version {
      file {
        url
        mediaType
        bytes
      }
    }
  }
`;

/** One content, opened again by its id: the compiler makes the query through `node`. */
export const libraryDetail = graphql`
  fragment Library_detail on Content
  @refetchable(queryName: "LibraryDetailRefetchQuery")
  @argumentDefinitions(channel: { type: "ID!" }, count: { type: "Int", defaultValue: 10 }, cursor: { type: "String" }) {
    id
    availability(channel: $channel) {
      available
      until
      holds {
        reason
        message
      }
    }
    history(first: $count, after: $cursor) @connection(key: "Library_history") {
      edges {
        node {
          id
          action
          at
          actor {
            __typename
            ... on AccessToken {
              id
              name
            }
          }
        }
      }
    }
  }
`;

export const libraryDetailQuery = graphql`
  query LibraryDetailQuery($id: ID!, $channel: ID!) {
    node(id: $id) {
      __typename
      ...Library_detail @arguments(channel: $channel) @alias(as: "detail")
      ...Library_versions @alias(as: "versions")
    }
  }
`;

/** Backwards, too. */
export const libraryVersions = graphql`
  fragment Library_versions on Asset
  @refetchable(queryName: "LibraryVersionsPaginationQuery")
  @argumentDefinitions(last: { type: "Int", defaultValue: 5 }, before: { type: "String" }) {
    versions(last: $last, before: $before) @connection(key: "Library_versions") {
      edges {
        node {
          id
          number
          ... on AssetVersion {
            text
          }
        }
      }
    }
  }
`;

/** A payload whose content takes its place in the store by its id. */
export const libraryArchive = graphql`
  mutation LibraryArchiveMutation($input: ContentIdInput!) {
    archiveContent(input: $input) {
      content {
        id
        ...Library_card
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`;

export const librarySearch = graphql`
  query LibrarySearchQuery($words: String!, $first: Int!, $after: String) {
    search(query: $words, first: $first, after: $after) @connection(key: "Library_search") {
      edges {
        node {
          ... on Asset {
            id
            title
          }
          ... on Endorsement {
            id
            statement(locale: "zh-CN") {
              headline
              quote
            }
          }
          ...Library_card @alias(as: "card")
          ...Library_picture @alias(as: "picture")
        }
      }
    }
  }
`;
