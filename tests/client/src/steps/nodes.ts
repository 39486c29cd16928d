import assert from "node:assert/strict";
import type { Context } from "../context";
import { NodeDocument, NodesDocument, type NodeQuery } from "../generated";

export type TypeName = NonNullable<NodeQuery["node"]>["__typename"];
export type Made = ReadonlyArray<readonly [type: TypeName, id: string]>;

/** Whatever the story made is found again by its id, one by one and all at once. */
export async function findEverything({ api }: Context, made: Made): Promise<void> {
  for (const [type, id] of made) {
    const { node } = await api.query(NodeDocument, { id });
    assert.deepEqual(node, { __typename: type, id });
  }
  const { nodes } = await api.query(NodesDocument, { ids: [...made.map(([, id]) => id), "asset_nonsense"] });
  assert.deepEqual(nodes, [...made.map(([__typename, id]) => ({ __typename, id })), null], "in the order asked for");
  for (const id of ["nonsense", "", made[0]?.[1].replace(/.{4}$/, "0000") ?? ""]) {
    assert.equal((await api.query(NodeDocument, { id })).node, null, `${id} is nobody's id`);
  }
}
