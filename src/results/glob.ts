/**
 * Patterns that choose result files by their names.
 *
 * @module
 */

/**
 * Whether one of `globs` chooses `name`, a path with `/`; without globs every name is chosen. `*` and
 * `?` stand for characters of one folder's or file's name, `**` for any part of the path. A pattern
 * that fits a folder chooses all that is in it. Names that begin with a dot are nothing special:
 * checkpoints have files such as `.metadata`.
 */
export function isChosen(name: string, globs: readonly string[]): boolean {
  return globs.length === 0 || globs.some((glob) => expressionFor(glob).test(name));
}

const expressions = new Map<string, RegExp>();

function expressionFor(glob: string): RegExp {
  let expression = expressions.get(glob);
  if (expression === undefined) {
    expression = new RegExp(`^${sourceFor(glob)}(?:/.*)?$`, "su");
    expressions.set(glob, expression);
  }
  return expression;
}

function sourceFor(glob: string): string {
  const path = glob.replace(/^(?:\.?\/)+/, "").replace(/\/+$/, "");
  return path.replace(/\*\*\/|\*\*|[*?]|[\\^$.+()[\]{}|/-]/g, (token) => {
    switch (token) {
      case "**/":
        return "(?:.*/)?";
      case "**":
        return ".*";
      case "*":
        return "[^/]*";
      case "?":
        return "[^/]";
      default:
        return token === "-" ? token : `\\${token}`;
    }
  });
}
