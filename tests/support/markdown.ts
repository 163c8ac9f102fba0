/** What tests read in Markdown. */

/** The targets of the links in `text`, outside of code. */
export function linksOf(text: string): string[] {
  const prose = text.replaceAll(/^ *```[^]*?^ *```$/gm, "").replaceAll(/`[^`]*`/g, "code");
  return Array.from(prose.matchAll(/\]\(\s*([^)\s]+)\s*\)/g), ([, target]) => target!);
}

/** The anchors of the headings in `text`, as GitHub makes them. */
export function anchorsOf(text: string): string[] {
  return Array.from(
    text.matchAll(/^#+ (.+)$/gm),
    ([, heading]) => heading!.toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-"),
  );
}

/** The rows of the tables in `text`, without heads and padding. */
export function tableRows(text: string): string[] {
  const rows = Array.from(text.matchAll(/^\|.*\|$/gm), ([row]) => row.replaceAll(/ *\| */g, "|"));
  return rows.filter((row, index) => !isRule(row) && !isRule(rows[index + 1] ?? ""));
}

function isRule(row: string): boolean {
  return /^[|-]+$/.test(row) && row.includes("---");
}
