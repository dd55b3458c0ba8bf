// Colours for SQL and Python: enough to read by, in some dozens of lines.

export interface Piece {
  text: string;
  kind: "comment" | "string" | "number" | "keyword" | "template" | "plain";
}

const SQL = "select from where group by order having limit offset join left right inner outer full cross on using as and or not in is null case when then else end union all distinct with recursive over partition between like ilike exists asc desc true false cast filter qualify lateral values version timestamp of except intersect";
const PYTHON = "def return if elif else for while in import from as with lambda class try except finally raise yield and or not is None True False pass break continue async await";
const KEYWORDS: Record<string, Set<string>> = { sql: new Set(SQL.split(" ")), python: new Set(PYTHON.split(" ")) };

const PIECES: Record<string, RegExp> = {
  sql: /(--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\{#[\s\S]*?(?:#\}|$))|('(?:[^']|'')*'?)|(\{\{[\s\S]*?(?:\}\}|$)|\{%[\s\S]*?(?:%\}|$))|(\b\d+(?:\.\d+)?\b)|([A-Za-z_]\w*)|([\s\S])/g,
  python: /(#[^\n]*)|("""[\s\S]*?(?:"""|$)|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?)|(\0)|(\b\d+(?:\.\d+)?\b)|([A-Za-z_]\w*)|([\s\S])/g,
};

/** The text in pieces, in its order and whole. */
export function pieces(text: string, language: string): Piece[] {
  const keywords = KEYWORDS[language] ?? new Set();
  const found: Piece[] = [];
  for (const [whole, comment, string, template, number, word] of text.matchAll(PIECES[language] ?? /([\s\S])/g)) {
    const kind = comment ? "comment" : string ? "string" : template ? "template" : number ? "number" : word && keywords.has(language === "sql" ? word.toLowerCase() : word) ? "keyword" : "plain";
    const last = found.at(-1);
    if (last?.kind === "plain" && kind === "plain") last.text += whole;
    else found.push({ text: whole, kind });
  }
  return found;
}
