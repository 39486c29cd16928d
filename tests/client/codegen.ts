import type { CodegenConfig } from "@graphql-codegen/cli";

/** Types and documents of every operation in src/, made from the schema that the server prints. */
const config: CodegenConfig = {
  schema: process.env.ACCOLADE_SCHEMA ?? "../../schema/schema.graphql",
  documents: "src/*.graphql",
  generates: {
    "src/generated.ts": {
      plugins: ["typescript-operations", "typed-document-node"],
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        immutableTypes: true,
        strictScalars: true,
        scalars: {
          CountryCode: "string",
          CurrencyCode: "string",
          Date: "string",
          DateTime: "string",
          Decimal: "string",
          Int64: "number",
          JSON: "unknown",
          Locale: "string",
          Sha256: "string",
          URL: "string",
          Upload: "Blob",
        },
      },
    },
  },
};
export default config;
