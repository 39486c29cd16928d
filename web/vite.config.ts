import { defineConfig, type Plugin } from "vite";

/**
 * GraphiQL's style sheet embeds 34 font files as data URLs: five sixths of it. We use the reader's own
 * fonts, so the blocks go, and the page needs no `font-src` in its policy.
 */
function withoutEmbeddedFonts(): Plugin {
  return {
    name: "without-embedded-fonts",
    enforce: "pre",
    transform(code, id) {
      if (!/\/graphiql\/dist\/style\.css(\?|$)/.test(id)) return null;
      return { code: code.replace(/@font-face\s*\{[^}]*\}/g, ""), map: null };
    },
  };
}

export default defineConfig({
  // The server serves dist/ under this path.
  base: "/graphiql/",
  plugins: [withoutEmbeddedFonts()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The notices the bundled packages ask for travel with them.
    license: { fileName: "assets/licenses.md" },
    // One page that needs its editor at once: splitting it would only add round trips.
    chunkSizeWarningLimit: 1200,
    rolldownOptions: {
      // "use client" means nothing to a page without a server renderer.
      onLog(level, log, report) {
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") report(level, log);
      },
    },
  },
});
