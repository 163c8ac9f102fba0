import { assertEquals, assertMatch } from "@std/assert";
import { reviewTemplate, type TemplatePlace } from "../../src/doctor/template_review.ts";

/** A folder with predict.py and venv/bin/python, and programs python3 and conda on the PATH. */
async function place(): Promise<TemplatePlace & AsyncDisposable> {
  const workFolder = await Deno.makeTempDir();
  for (const folder of ["bin", "venv/bin"]) {
    await Deno.mkdir(`${workFolder}/${folder}`, { recursive: true });
  }
  const files = ["bin/python3", "bin/echo", "bin/my tool", "venv/bin/python", "predict.py"];
  for (const file of files) await Deno.writeTextFile(`${workFolder}/${file}`, "");
  return {
    workFolder,
    env: { PATH: `${workFolder}/bin:/nowhere` },
    hasInstallScript: false,
    [Symbol.asyncDispose]: () => Deno.remove(workFolder, { recursive: true }),
  };
}

Deno.test("mistakes in a template are found", async () => {
  await using where = await place();
  const table: [string, RegExp][] = [
    ["python3 predict.py {params}", /^has \{params\}, which is not a placeholder/],
    ['python3 predict.py "{json}"', /^has \{json\}, which is not a placeholder/],
    ["python3 predict.py --data={input}", /^has \{input\}, which is not a placeholder/],
    ["python3 predict.py {{body}}", /^has \{\{body\}\}, with one brace too many/],
    ["python3 predict.py", /^has no placeholder, so it gets no params/],
    ["pyhton3 predict.py {body}", /^runs "pyhton3", which is not on the PATH/],
    ["A=1 exec pyhton3 predict.py {body}", /^runs "pyhton3", which is not on the PATH/],
    [".venv/bin/python predict.py {body}", /^runs "\.venv\/bin\/python", which is not there/],
    ["python3 -u predcit.py {body}", /^runs the Python script "predcit\.py", which is not there/],
    ["venv/bin/python predcit.py {body}", /^runs the Python script "predcit\.py", which is/],
    ["python3 \\\n  predcit.py \\\n {body}", /^runs the Python script "predcit\.py"/],
    ["echo -d; curl -d {body} x", /^has -d \{body\}, which makes curl send the path/],
  ];
  for (const [template, detail] of table) {
    const remarks = reviewTemplate(template, where);
    assertEquals(remarks.length, 1, template + JSON.stringify(remarks));
    assertMatch(remarks[0]!.detail, detail);
  }
});

Deno.test("what may be right is left alone", async () => {
  await using where = await place();
  const templates = [
    "python3 predict.py {body}",
    "predcit.py",
    "source gone/bin/activate && pyhton x.py {body}",
    "cd elsewhere && python3 other.py {body}",
    "cd elsewhere\npython3 other.py {body}",
    "set -euo pipefail\npyhton x.py {body}",
    "run() { pyhton x.py; }\nrun {body}",
    "alias pyhton=python3\npyhton {body}",
    "PATH=/opt/bin:$PATH pyhton {body}",
    "export PATH=/opt/bin:$PATH; pyhton {body}",
    "$TOOL {body}",
    '"my tool" {body}',
    "${PYTHON:-python3} predcit.py {body}",
    "if true; then pyhton {body}; fi",
    "(cd x; pyhton {body})",
    "# comment\npyhton {body}",
    "python3 -m predcit {body}",
    "python3 -c 'import x' {body}",
    "python3 -X dev predcit.py {body}",
    "python3 $SCRIPT.py {body}",
    "python3 - {body} <<'END'\nimport sys\nx = {params}\nEND",
    "python3 predict.py $CYBERWAVE_PARAMS_FILE",
    "params={body}\necho $params {input}",
    "echo {param:x} {data}",
  ];
  for (const template of templates) assertEquals(reviewTemplate(template, where), [], template);
  const missing = "pyhton predcit.py {body}";
  assertEquals(reviewTemplate(missing, { ...where, hasInstallScript: true }), []);
  assertEquals(reviewTemplate(missing, { ...where, env: { ...where.env, BASH_ENV: "x" } }), []);
  const exported = { ...where.env, "BASH_FUNC_pyhton%%": "() { :; }" };
  assertEquals(reviewTemplate(missing, { ...where, env: exported }), []);
  assertEquals(reviewTemplate(missing, { ...where, env: {} }), []);
});
