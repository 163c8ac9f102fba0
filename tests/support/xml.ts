/** As much of XML as it takes to see that a document is well formed. */

/** An element: its name, and the elements in it or its text. */
export type Element = readonly [name: string, content: string | readonly Element[]];

/** Reads a document without comments. Throws if it is not well formed. */
export function parseXml(xml: string): Element {
  const body = xml.replace(/^<\?xml [^?]*\?>\s*/, "").replace(/^<!DOCTYPE [^>]*>\s*/, "");
  const stack: { name: string; text: string; children: Element[] }[] = [
    { name: "", text: "", children: [] },
  ];
  let position = 0;
  for (const token of body.matchAll(/<(\/?)([A-Za-z]+)((?: [\w:]+="[^"<]*")*)(\/?)>|[^<]+/g)) {
    if (token.index !== position) break;
    position += token[0].length;
    const [text, closing, name, , empty] = token;
    const top = stack.at(-1)!;
    if (name === undefined) top.text += unescape(text);
    else if (empty) top.children.push([name, ""]);
    else if (!closing) stack.push({ name, text: "", children: [] });
    else {
      stack.pop();
      if (top.name !== name) throw new Error(`<${top.name}> ends with </${name}>`);
      stack.at(-1)!.children.push([name, top.children.length > 0 ? top.children : top.text]);
    }
  }
  const [root] = stack[0]!.children;
  if (position !== body.length || stack.length !== 1 || root === undefined) {
    throw new Error(`Not well formed near ${body.slice(position, position + 40)}`);
  }
  return root;
}

/** The text of every element with this name, in order. */
export function textsOf([name, content]: Element, wanted: string): string[] {
  if (typeof content === "string") return name === wanted ? [content] : [];
  return content.flatMap((element) => textsOf(element, wanted));
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
};

function unescape(text: string): string {
  return text.replaceAll(/&(\w*);?/g, (entity, name: string) => {
    const char = ENTITIES[name];
    if (char === undefined || !entity.endsWith(";")) throw new Error(`What is ${entity}?`);
    return char;
  });
}
