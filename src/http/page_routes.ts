/**
 * The page: its files, and the requests that only it makes.
 *
 * @module
 */
import { answer, errorAnswer, jsonAnswer } from "./answers.ts";
import type { Route } from "./route.ts";

/** These routes. */
export const PAGE_ROUTES: readonly Route[] = [
  { path: "/", method: "GET", handle: () => showFile("index.html") },
  { path: "/page/{id}", method: "GET", handle: (_, { id }) => showFile(id) },
  { path: "/page/vendor/{id}", method: "GET", handle: (_, { id }) => showFile(`vendor/${id}`) },
  {
    path: "/api/v1/resources",
    method: "GET",
    handle: ({ history }) => jsonAnswer(history.resources()),
  },
  {
    path: "/api/v1/connections",
    method: "GET",
    handle: ({ history }) => jsonAnswer(history.connections()),
  },
];

/** The types of the files, by the ends of their names. */
const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
};

async function showFile(name: string): Promise<Response> {
  // Loaded at the first request: the pages of most nodes are never opened.
  const { default: page } = await import("./page.json", { with: { type: "json" } });
  const files: Readonly<Record<string, string>> = page;
  if (!Object.hasOwn(files, name)) {
    return errorAnswer(404, "not_found", "There is nothing here");
  }
  return answer(files[name]!, TYPES[name.split(".").at(-1)!]!);
}
