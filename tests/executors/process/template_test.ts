import { assert, assertEquals } from "@std/assert";
import { renderTemplate, type TemplateValues } from "../../../src/executors/process/template.ts";

function render(template: string, params: string, values: Partial<TemplateValues> = {}) {
  return renderTemplate(template, { params, paramsFile: "/w/params.json", ...values });
}

/** The words that a template has in a shell that knows nothing but its variables. */
async function words(template: string, params: string): Promise<string[]> {
  const rendered = render(`printf '%s\\0' ${template}`, params);
  assert("source" in rendered, JSON.stringify(rendered));
  const { stdout } = await new Deno.Command("bash", {
    args: ["-c", rendered.source],
    env: { CYBERWAVE_RESULTS_FOLDER: "/my results", ...rendered.variables },
  }).output();
  return new TextDecoder().decode(stdout).split("\0").slice(0, -1);
}

const HOSTILE = `it's "a" \`b\` $(touch x) \\n * ; #`;

Deno.test("{param:name} is one word: a text as it is, all else as JSON", async () => {
  const params = `{"t":${
    JSON.stringify(HOSTILE)
  },"n":12345678901234567890,"l":[1, "a b"],"b":true}`;
  assertEquals(await words("{param:t} --n={param:n} {param:l} {param:b}", params), [
    HOSTILE,
    "--n=12345678901234567890",
    '[1, "a b"]',
    "true",
  ]);
});

Deno.test("{param:name:-default} is the default where there is no value", async () => {
  const template = "{param:a:-1e-4} {param:b:-it's $HOME} {param:c:-} {param:d:-x}";
  assertEquals(await words(template, '{"b":null,"d":""}'), ["1e-4", "it's $HOME", "", ""]);
});

Deno.test("a param that is missing is a problem, before anything starts", () => {
  for (const params of ["{}", '{"prompt":null}']) {
    assertEquals(render("x.py {param:prompt}", params), {
      problem: 'the params have no "prompt", which the template needs',
    });
  }
});

Deno.test("{flags} are the params as flags, but for those of the platform", async () => {
  const params = JSON.stringify({
    vla_path: "openvla/openvla-7b",
    batch_size: 8,
    "image-aug": true,
    use_lora: false,
    seed: null,
    tasks: ["pick up", "it's"],
    none: [],
    shift: -0.5,
    note: "--help",
    nested: { a: [1, "}"] },
    workload_uuid: "w-1",
    cyberwave_region: "eu",
  });
  assertEquals(await words("{flags} end", params), [
    ...["--vla_path", "openvla/openvla-7b", "--batch_size", "8", "--image-aug"],
    ...["--tasks", "pick up", "--tasks", "it's", "--shift=-0.5", "--note=--help"],
    ...["--nested", '{"a":[1,"}"]}', "end"],
  ]);
  assertEquals(await words("a {flags} b", "{}"), ["a", "b"]);
  assertEquals(await words("{flags}", '{"seeds":[12345678901234567890, 1.50]}'), [
    ...["--seeds", "12345678901234567890", "--seeds", "1.50"],
  ]);
});

Deno.test("nothing in the params is read as source", async () => {
  const params = JSON.stringify({ a: HOSTILE, b: [HOSTILE] });
  assertEquals(await words("{flags}", params), ["--a", HOSTILE, "--b", HOSTILE]);
  for (const name of ["a b", "", "-x", "a;b", "$(x)", "a=b"]) {
    const { problem } = render("{flags}", JSON.stringify({ [name]: 1 })) as { problem: string };
    assertEquals(
      problem,
      `the param ${JSON.stringify(name)} cannot be a flag: let the template use {body}`,
    );
  }
});

Deno.test("{results} is the folder for results", async () => {
  assertEquals(await words("{results} {results}/run1", "{}"), ["/my results", "/my results/run1"]);
});

Deno.test("{body} is JSON, or the path of its file when that is asked for or the params are large", () => {
  const large = JSON.stringify({ x: "a".repeat(100_001) });
  const table: [string, "json" | "file" | undefined, string][] = [
    ['{"x":1}', undefined, '{"x":1}'],
    ['{"x":1}', "json", '{"x":1}'],
    ['{"x":1}', "file", "/w/params.json"],
    [large, "json", "/w/params.json"],
  ];
  for (const [params, body, expected] of table) {
    assertEquals(render("x.py {body} {body_file}", params, { body }), {
      source: 'x.py "$CYBERWAVE_BODY" "$CYBERWAVE_PARAMS_FILE"',
      variables: { CYBERWAVE_PARAMS_FILE: "/w/params.json", CYBERWAVE_BODY: expected },
    });
  }
});

Deno.test("what no environment holds is a problem, not a failed start", () => {
  const large = JSON.stringify({ x: "a".repeat(100_001) });
  assertEquals(render("x.py {param:x}", large), {
    problem: "a param is too large for a command line: let the template use {body_file}",
  });
  assertEquals(render("x.py {flags}", JSON.stringify({ x: "a".repeat(500_000) })), {
    problem: "the params are too large for {flags}: let the template use {body_file}",
  });
});

Deno.test("expansions of the shell stay what they are", () => {
  const template = 'f="${flags}" ${results} ${param:0:3} ${param:-x}';
  const rendered = render(template, "{}");
  assert("source" in rendered);
  assertEquals(rendered.source, template);
});
