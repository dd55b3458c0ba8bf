import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// The built files are committed and embedded in the binary, so that cargo alone makes the whole.
// In development `npm run dev` asks a running `millstream serve` for the API.
export default defineConfig({
  plugins: [svelte()],
  build: {
    target: "es2022",
    // Not `assets`: that is a screen.
    assetsDir: "static",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { "/api": "http://127.0.0.1:7400" } },
});
