// The one filter language of all tables: words that must occur, `column:text`, and `-` before
// either for the opposite.

/** What a column holds, as it is filtered and sorted. */
export type Value = string | number | boolean | null | undefined;

interface Term {
  column: string | null;
  text: string;
  negated: boolean;
}

/** The terms of a filter. */
export function parse(text: string): Term[] {
  return text.toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
    const negated = word.length > 1 && word.startsWith("-");
    const body = negated ? word.slice(1) : word;
    const colon = body.indexOf(":");
    if (colon < 1) return { column: null, text: body, negated };
    return { column: body.slice(0, colon), text: body.slice(colon + 1), negated };
  });
}

/** Whether a row passes; `columns` are those that it has, by id. */
export function passes(terms: Term[], columns: Map<string, Value>): boolean {
  return terms.every((term) => matches(term, columns) !== term.negated);
}

/** The filter with a term added, or removed if it is there. */
export function toggled(text: string, term: string): string {
  const words = text.split(/\s+/).filter(Boolean);
  const others = words.filter((word) => word !== term);
  return (others.length < words.length ? others : [...words, term]).join(" ");
}

export function has(text: string, term: string): boolean {
  return text.split(/\s+/).includes(term);
}

/** Orders numbers by size, text by the reader's alphabet, and what is missing last. */
export function compare(a: Value, b: Value): number {
  const [left, right] = [a ?? "", b ?? ""];
  if (left === right) return 0;
  if (left === "") return 1;
  if (right === "") return -1;
  if (typeof left === "number" && typeof right === "number") return left - right;
  return String(left).localeCompare(String(right), undefined, { numeric: true });
}

/** A name with a colon in it, as `table:main.orders`, is no term for a column. */
function matches({ column, text }: Term, columns: Map<string, Value>): boolean {
  if (column !== null && columns.has(column)) return holds(columns.get(column), text);
  const sought = column === null ? text : `${column}:${text}`;
  for (const value of columns.values()) if (holds(value, sought)) return true;
  return false;
}

function holds(value: Value, text: string): boolean {
  return value !== null && value !== undefined && String(value).toLowerCase().includes(text);
}
