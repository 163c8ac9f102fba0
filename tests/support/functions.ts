/** Finding functions in the text of a TypeScript file that `deno fmt` has formatted. */

/** Source without its comments. */
export function code(text: string): string {
  return text.replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*$/gm, "");
}

/**
 * The body of `function`, `Class.method`, `Class.#method`, `Class.constructor`, or `function.member`:
 * what an object that a function makes has under that name.
 */
export function bodyOf(source: string, name: string): string | undefined {
  const text = code(source);
  const [first, second] = name.split(".");
  if (second === undefined) return bodyFrom(text, functionHead(first));
  const owner = bodyFrom(text, new RegExp(`^(?:export )?(?:abstract )?class ${first}\\b`, "m"));
  if (owner !== undefined) return bodyFrom(owner, methodHead(second));
  const maker = bodyFrom(text, functionHead(first));
  return maker === undefined ? undefined : bodyFrom(maker, memberHead(second));
}

function functionHead(name: string): RegExp {
  return new RegExp(`^(?:export )?(?:async )?function\\*? ${name}(?=[(<])`, "m");
}

/** Formatted code has the methods of a class two spaces from its margin. */
function methodHead(name: string): RegExp {
  return new RegExp(`^  (?:static |override |async |get |set )*\\*?${name}(?=[(<])`, "m");
}

function memberHead(name: string): RegExp {
  return new RegExp(`^ +(?:async )?${name}(?::(?: async)? )?(?=\\()`, "m");
}

/** From the line at which `head` matches up to the line that closes it, at the same margin. */
function bodyFrom(text: string, head: RegExp): string | undefined {
  const found = head.exec(text);
  if (found === null) return undefined;
  const rest = text.slice(found.index);
  const [first] = rest.split("\n", 1);
  if (first.endsWith("}")) return first;
  const margin = /^ */.exec(rest)![0];
  const end = new RegExp(`^${margin}\\}[^\\n{]*$`, "m").exec(rest);
  return end === null ? undefined : rest.slice(0, end.index + end[0].length);
}
