import { assert, assertEquals } from "@std/assert";
import {
  templateProblem,
  templateSurprise,
} from "../../../src/config/programs/template_problem.ts";

/** Templates in which the placeholder stands where the shell reads plain words. */
const RIGHT = [
  "python preview.py {body}",
  'source "$HOME/.venv/x/bin/activate" && \\\npython preview.py {body}',
  "# don't worry\npython x.py {body} # it's fine",
  "echo 'first'; python x.py {body} 'last'",
  `echo "it's" {body} 'say "hi"'`,
  'echo "a \\" b" {body}',
  "echo it\\'s {body}",
  "echo 'a\\'{body}'b'",
  "echo $'it\\'s' {body}",
  'x="$(python x.py {body})"; echo "$x"',
  'x="$(echo "$(python x.py {body})" \'a\')"',
  "x=$(echo $(( (1 + 2) * 3 )) {body})",
  "(cd /tmp && python x.py {body})",
  "((cd /tmp; ls); python x.py {body})",
  "python x.py --input={body} --file={body_file}",
  "echo `date` {body}",
  'echo "${HOME:-"x"}" {body}',
  "echo ${x#'pre'} ${#x} {body}",
  "cat <<'EOF' >/dev/null\nit's \"text\nEOF\npython x.py {body}",
  "cat <<-EOF\n\tdon't\n\tEOF\npython x.py {body}",
  "python x.py <<< {body}",
  "python x.py < {body_file} 2>&1 | tee log",
  "diff <(echo {body}) <(echo 'x')",
  "echo a#b' {x} 'c {body}",
  "params={body}\ncat <<EOF\n$params\nEOF",
  "case x in (x) python x.py {body};; esac",
  "echo {body",
  "torchrun train.py {flags} --prompt={param:prompt} --lr {param:lr:-1e-4} --out {results}",
  'for f in "${flags}" ${results} ${param:0:3} "${param:-x}"; do echo {body}; done',
  "echo '{param}' '{param:}' '{flag}' {a,b}",
  "echo 'body' {bodyguard} '{ body }'",
  "echo $x$ {body}",
  "# don't put '{body}' in quotes\npython x.py {body}",
];

/** Templates in which it does not: what stands where, and the line as it should be. */
const WRONG: [template: string, where: string, right: string][] = [
  ["python x.py '{body}'", "{body} inside single quotes", "python x.py {body}"],
  ['python x.py "{body}"', "{body} inside double quotes", "python x.py {body}"],
  ['python x.py "{body_file}"', "{body_file} inside double quotes", "python x.py {body_file}"],
  ["python x.py --in='{body}' 'x'", "{body} inside single quotes", "python x.py --in={body} 'x'"],
  [
    "source 'a b' && \\\n  python x.py '{body}'",
    "{body} inside single quotes on line 2",
    "python x.py {body}",
  ],
  ['x.py "{flags}"', "{flags} inside double quotes", "x.py {flags}"],
  ["cp a '{results}/b'", "{results} inside single quotes", "cp a {results}/b"],
  ['x.py "{param:p:-a b}"', "{param:p:-a b} inside double quotes", "x.py {param:p:-a b}"],
  ["curl -d '{body}' u", "{body} inside single quotes", "curl -d @{body_file} u"],
  [
    'curl -s u --data-raw="{body}"',
    "{body} inside double quotes",
    "curl -s u --data-raw=@{body_file}",
  ],
  ["curl --json '{body}' u", "{body} inside single quotes", "curl --json @{body_file} u"],
  ["echo $'{body}'", "{body} inside single quotes", "echo {body}"],
  ['echo "it\'s {body}"', "{body} inside double quotes", "echo its {body}"],
  ["echo # '\necho '{body}'", "{body} inside single quotes on line 2", "echo {body}"],
  ["echo \\# '{body}'", "{body} inside single quotes", "echo \\# {body}"],
  ["echo \\\\'{body}'", "{body} inside single quotes", "echo \\\\{body}"],
  ['x="$(python x.py "{body}")"', "{body} inside double quotes", 'x="$(python x.py {body})"'],
  ['x="$(ls) {body}"', "{body} inside double quotes", "x=$(ls) {body}"],
  ['x="(a) # {body}"', "{body} inside double quotes", "x=(a) # {body}"],
  ["x=`python x.py {body}`", "{body} inside backquotes", "x=$(python x.py {body})"],
  ['x="`python x.py {body}`"', "{body} inside backquotes", 'x="$(python x.py {body})"'],
  ["x=`echo $(python x.py {body})`", "{body} inside backquotes", "x=$(echo $(python x.py {body}))"],
  ["x=`a 'b` '{body}'", "{body} inside single quotes", "x=`a 'b` {body}"],
  ["echo \\{body}", "{body} after a backslash", "echo {body}"],
  ["body={body}; echo ${body}", "{body} after $", "body={body}; echo {body}"],
  ['echo "unclosed {body}', "{body} inside double quotes", "echo unclosed {body}"],
  ["echo 'unclosed {body}", "{body} inside single quotes", "echo unclosed {body}"],
  [
    "cat <<EOF 'x'\n'y'\nEOF\necho '{body}'",
    "{body} inside single quotes on line 4",
    "echo {body}",
  ],
];

/** Templates in which it does not, and freeing it takes more than an edit. */
const WRONG_WITHOUT_EDIT: [template: string, where: string][] = [
  ["cat <<EOF\n{body}\nEOF", "{body} inside a here-document on line 2"],
  ["python - <<'PY'\nprint('{body}')\nPY", "{body} inside a here-document on line 2"],
  ["cat <<EOF\n{body}", "{body} inside a here-document on line 2"],
  ["cat <<A <<-B\na\nA\n\t{body_file}\n\tB", "{body_file} inside a here-document on line 4"],
  ["echo ${x:-{body}}", "{body} inside ${...}"],
  ['echo "${x:-{body}}"', "{body} inside ${...}"],
  ['echo "${x:-"{body}"}"', "{body} inside double quotes"],
  ['echo "${x:-\n"{body}"}"', "{body} inside double quotes on line 2"],
  ["echo $(( {body} + 1 ))", "{body} inside ((...))"],
  ["echo $(( (1 + {body}) ))", "{body} inside ((...))"],
  ["(( x = {body} ))", "{body} inside ((...))"],
];

Deno.test("a placeholder may stand wherever the shell reads plain words", () => {
  for (const template of RIGHT) assertEquals(templateProblem(template), undefined, template);
});

Deno.test("a placeholder inside quotes is a problem that shows the line without them", () => {
  for (const [template, where, right] of WRONG) {
    const problem = `must not have ${where}, it is quoted already: write ${right}`;
    assertEquals(templateProblem(template), problem, template);
  }
});

Deno.test("a placeholder where words are not read is a problem that shows the way round", () => {
  for (const [template, where] of WRONG_WITHOUT_EDIT) {
    const placeholder = template.includes("{body_file}") ? "{body_file}" : "{body}";
    const fix = `put it in a variable first (params=${placeholder}) and use "$params" there`;
    const problem = `must not have ${where}, it is quoted already: ${fix}`;
    assertEquals(templateProblem(template), problem, template);
  }
});

Deno.test("a long template is read in no time", () => {
  const template = "echo 'a' \"b\" $(c) # d\n".repeat(5000) + "python x.py '{body}'";
  assertEquals(templateProblem(template)?.includes("on line 5001"), true);
});

Deno.test({
  name: "bash agrees: no accepted template lets params out, and what is refused would",
  ignore: Deno.build.os === "windows",
  async fn() {
    const params = JSON.stringify({
      a: "\\ $(echo LET) OUT`echo LET`'$(echo LET)'\"$(echo LET)\\",
    });
    for (const [context, safe] of CONTEXTS) {
      const word = `'${params.replaceAll("'", "'\\''")}'`;
      const output = await bash(context.replace("{body}", () => word));
      assertEquals(templateProblem(context) === undefined, safe, context);
      assertEquals(output === params + "\n", safe, `${context} printed ${output}`);
    }
  },
});

/** Commands that print the params, and whether they print them as they are. */
const CONTEXTS: [template: string, safe: boolean][] = [
  ["printf '%s\\n' {body}", true],
  ['x="$(printf "%s" {body})"; printf "%s\\n" "$x"', true],
  ["(printf '%s\\n' {body}) # don't", true],
  ["cat <<< {body}", true],
  ["x={body}\ncat <<EOF\n$x\nEOF", true],
  ["((true; true); printf '%s\\n' {body})", true],
  ["printf '%s\\n' '{body}'", false],
  ['printf "%s\\n" "{body}"', false],
  ["printf '%s\\n' \\{body}", false],
  ["printf '%s\\n' $'{body}'", false],
  ["printf '%s\\n' ${body}", false],
  ["printf '%s\\n' `echo {body}`", false],
  ['printf "%s\\n" "${x:-{body}}"', false],
  ["cat <<EOF\n{body}\nEOF", false],
  ["cat <<'EOF'\n{body}\nEOF", false],
  ["echo $(( {body} ))", false],
];

async function bash(command: string): Promise<string> {
  const options = { args: ["-c", command], clearEnv: true, env: { PATH: "/usr/bin:/bin" } };
  const { stdout } = await new Deno.Command("bash", options).output();
  return new TextDecoder().decode(stdout);
}

Deno.test("params that curl is to send are a file", () => {
  const table: [template: string, surprise: string | undefined][] = [
    ["curl -s -d {body} u", "-d {body}"],
    ["curl -X POST \\\n  --data-binary {body} u", "--data-binary {body}"],
    ["curl --json={body} u", "--json={body}"],
    ["curl -d @{body_file} u", undefined],
    ["python x.py -d {body}", undefined],
  ];
  for (const [template, given] of table) {
    const right = given?.replace("{body}", "@{body_file}");
    const expected = given &&
      `${given}, which makes curl send the path of a file in place of large params: write ${right}`;
    assertEquals(templateSurprise(template), expected, template);
  }
});

Deno.test("code in quotes is not unquoted: it is shown how to read an argument", () => {
  const table: [string, string][] = [
    ['python3 -c "print({body})"', "python3 -c 'import sys; print(sys.argv[1])' {body}"],
    ["python3 -c 'print({body})'", "python3 -c 'import sys; print(sys.argv[1])' {body}"],
    ['sh -c "echo {param:x}; date"', `sh -c 'echo "$1"' sh {param:x}`],
  ];
  for (const [template, shown] of table) {
    const problem = templateProblem(template)!;
    assert(problem.endsWith(`behind the quotes and read it there: ${shown}`), problem);
    assertEquals(templateProblem(shown), undefined);
  }
});
