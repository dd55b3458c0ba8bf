/** Runes everywhere; styles go to files, since the server's content policy forbids inline ones. */
export default { compilerOptions: { runes: true, css: "external" } };
