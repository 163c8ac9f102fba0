import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { pageFiles, pageJson } from "../../.ci/page.ts";
import { ask } from "../support/http_client.ts";
import { HttpNode } from "../support/http_node.ts";

Deno.test("page: what is served is what stands in its folder", async () => {
  const served = await Deno.readTextFile(new URL("../../src/http/page.json", import.meta.url));
  assert(served === pageJson(), "src/http/page.json is out of date: run deno task page");
});

Deno.test("page: each file has its type, and nobody sees one without a link", async () => {
  await using node = await HttpNode.start({ inference: "true" });
  const types: Record<string, RegExp> = {
    ...{ html: /^text\/html/, css: /^text\/css/, js: /^text\/javascript/ },
    ...{ svg: /^image\/svg\+xml$/, txt: /^text\/plain/ },
  };
  const files = pageFiles();
  for (const [name, text] of Object.entries(files)) {
    const { status, headers, body } = await node.ask(`/page/${name}`);
    assertEquals([status, body === text], [200, true], name);
    assertMatch(headers.get("content-type")!, types[name.split(".").at(-1)!]!);
    assertMatch(headers.get("content-security-policy")!, /^default-src 'self';/);
    assertEquals((await ask(node.url, `/page/${name}`)).status, 401, name);
  }
  assertEquals((await node.ask("/")).body, files["index.html"]);
  for (const name of ["nothing.js", "__proto__", "..%2Fdeno.json", "constructor"]) {
    assertEquals((await node.ask(`/page/${name}`)).status, 404, name);
  }
});

Deno.test("page: whoever has no link reads how to get one", async () => {
  await using node = await HttpNode.start({ inference: "true" });
  const { status, headers, body } = await ask(node.url, "/");
  assertEquals(status, 401);
  assertMatch(headers.get("content-type")!, /^text\/plain/);
  assertStringIncludes(body, "cyberwave-cloud-node page");
});

Deno.test("page: no file is asked for elsewhere, and each library has its licence", () => {
  const files = pageFiles();
  for (const [name, text] of Object.entries(files)) {
    const addresses = [...text.matchAll(/https?:\/\/[\w.]+/g)].map(([address]) => address);
    // Names of namespaces, and what licences and libraries mention.
    const asked = addresses.filter((address) => !/w3\.org|apache\.org|github\.com/.test(address));
    assertEquals(asked, [], name);
  }
  for (const library of ["htm", "preact", "uplot"]) {
    assertMatch(files[`vendor/${library}.LICENSE.txt`]!, /MIT License|Apache License/, library);
  }
});
