/**
 * The GraphiQL page the server offers under /graphiql/.
 *
 * Everything it needs is in this bundle: it speaks to its own origin only, and runs under a policy
 * without inline scripts.
 */
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import "graphiql/style.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { defaultQuery } from "./default-query";
import "./graphiql.css";

const endpoint = new URL("/graphql", location.origin);
const socket = new URL(endpoint);
socket.protocol = location.protocol === "https:" ? "wss:" : "ws:";

const fetcher = createGraphiQLFetcher({
  url: endpoint.href,
  // Subscriptions: the headers typed by the user travel as the payload of `connection_init`.
  subscriptionUrl: socket.href,
  // The server knows no @defer, so one plain JSON answer is all there is.
  enableIncrementalDelivery: false,
});

const container = document.getElementById("graphiql");
if (container === null) throw new Error("the page has no #graphiql element");

createRoot(container).render(
  <StrictMode>
    <GraphiQL
      fetcher={fetcher}
      defaultQuery={defaultQuery}
      isHeadersEditorEnabled
      shouldPersistHeaders
      defaultEditorToolsVisibility="headers"
    />
  </StrictMode>,
);
