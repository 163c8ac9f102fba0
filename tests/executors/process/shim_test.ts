import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  commandLine,
  MAX_INLINE_BODY,
  needsOwnShell,
  parseExitFile,
  shellSource,
} from "../../../src/executors/process/shim.ts";
import { HOST, runOnce, SHELLS, Workshop } from "../../support/workshop.ts";

/** Prints its arguments, each as JSON on a line of its own. */
const PRINT_ARGUMENTS = `${
  JSON.stringify(Deno.execPath())
} eval 'for (const a of Deno.args) console.log(JSON.stringify(a))'`;

const ENDS: [name: string, template: string, code: number][] = [
  ["success", "true", 0],
  ["an empty template", "", 0],
  ["a comment", "# nothing", 0],
  ["exit 3", "exit 3", 3],
  ["exit 255", "exit 255", 255],
  ["the last of several lines", "true\nfalse", 1],
  ["errexit", "set -e\nfalse\ntrue", 1],
  ["a command that does not exist", "no-such-command-here", 127],
  ["something that cannot be executed", "/dev/null", 126],
  ["SIGTERM to itself", "kill -s TERM $$", 143],
  ["SIGSEGV to itself", "kill -s SEGV $$", 139],
  ["SIGKILL to itself", "kill -s KILL $$", 137],
  ["SIGSEGV in a child", "sh -c 'kill -s SEGV $$'", 139],
  ["exec of something else", "exec sh -c 'exit 7'", 7],
  ["an exit trap", "trap 'exit 9' EXIT; true", 9],
];

for (const shell of SHELLS) {
  for (const [name, template, code] of ENDS) {
    Deno.test(`${shell}: the true exit code is told and written down: ${name}`, async () => {
      await using workshop = new Workshop({ templates: { inference: template }, shell });
      const { exit, folder } = await workshop.run();
      assertEquals(exit, { type: "exited", code });
      assertEquals(folder.exitFile(), code);
    });
  }

  Deno.test(`${shell}: a syntax error is the workload's own failure`, async () => {
    const { exit, stderr } = await runOnce("if then", {}, { shell });
    assert(exit.type === "exited" && exit.code !== 0, Deno.inspect(exit));
    assertStringIncludes(stderr.toLowerCase(), "syntax error");
  });

  Deno.test(`${shell}: output and errors go to files of their own, untouched`, async () => {
    const { stdout, stderr } = await runOnce("printf 'a\\r\\n\\033[1mb'; printf e >&2", {}, {
      shell,
    });
    assertEquals([stdout, stderr], ["a\r\n\x1b[1mb", "e"]);
  });

  Deno.test(`${shell}: $$ is the workload's own process, $0 the shell, and there are no arguments`, async () => {
    const template = `sh -c 'echo $PPID'; echo $$; echo "$0"; echo "$#"`;
    const { stdout } = await runOnce(template, {}, { shell });
    const [child, own, name, count] = stdout.trimEnd().split("\n");
    assertEquals([child, name, count], [own, shell, "0"]);
  });

  Deno.test(`${shell}: exec replaces the shell by the workload, under the same pid`, async () => {
    const { stdout } = await runOnce(`echo $$; exec sh -c 'echo $$'`, {}, { shell });
    const [before, after] = stdout.trimEnd().split("\n");
    assertEquals(after, before);
  });

  Deno.test(`${shell}: standard input is empty`, async () => {
    const { stdout, exit } = await runOnce(
      "read line; echo $?; cat; readlink /proc/self/fd/0",
      {},
      {
        shell,
      },
    );
    assertEquals([stdout.split("\n")[0], exit], ["1", { type: "exited", code: 0 }]);
    if (Deno.build.os === "linux") assertEquals(stdout, "1\n/dev/null\n");
  });

  Deno.test(`${shell}: no descriptor is open but those of any shell`, async () => {
    if (Deno.build.os !== "linux") return;
    const script = "cd /proc/self/fd && echo *";
    const { stdout } = await runOnce(script, {}, { shell });
    const plain = await new Deno.Command(shell, { args: ["-c", script], stdin: "null" }).output();
    assertEquals(stdout, new TextDecoder().decode(plain.stdout));
  });

  Deno.test(`${shell}: templates run where the configuration is`, async () => {
    await using workshop = new Workshop({ templates: { inference: "pwd -P" }, shell });
    const { stdout } = await workshop.run();
    assertEquals(stdout, `${Deno.realPathSync(workshop.workFolder)}\n`);
  });

  Deno.test(`${shell}: a folder that is gone is an error with its name`, async () => {
    await using workshop = new Workshop({ templates: { inference: "true" }, shell });
    Deno.removeSync(workshop.workFolder);
    const { exit, stderr } = await workshop.run();
    assertEquals(exit, { type: "exited", code: 1 });
    assertStringIncludes(stderr, workshop.workFolder);
  });

  for (const umask of [0o022, 0, 0o027]) {
    Deno.test(`${shell}: under umask ${umask.toString(8)} the workload has it, its files are 0600 in 0700`, async () => {
      const before = Deno.umask(umask);
      try {
        await using workshop = new Workshop({ templates: { inference: "umask; : >made" }, shell });
        const { stdout, folder } = await workshop.run();
        assertEquals(Number.parseInt(stdout, 8), umask);
        assertEquals(modeOf(`${workshop.workFolder}/made`), 0o666 & ~umask);
        assertEquals(modeOf(folder.path), 0o700);
        const names = Array.from(Deno.readDirSync(folder.path), ({ name }) => name).sort();
        assertEquals(names, ["exit", "params.json", "stderr.log", "stdout.log"]);
        for (const name of names) assertEquals(modeOf(`${folder.path}/${name}`), 0o600, name);
      } finally {
        Deno.umask(before);
      }
    });
  }

  Deno.test(`${shell}: hostile params arrive as one word, byte for byte, and execute nothing`, async () => {
    await using workshop = new Workshop({
      templates: { inference: `${PRINT_ARGUMENTS} {body} x{body} {body}{body}` },
      shell,
    });
    const params = {
      shell: "$(touch pwned) `touch pwned` ; touch pwned & | > pwned \\ ~ * ? [a] {a,b} !! #",
      quotes: `'"'"'" \\' \\" '\\''`,
      lines: "a\nb\r\n\tc\n\n",
      placeholders: "{body} {body_file} $cloud_node_body ${0} $1 $$ $PATH",
      nul: "a\0b",
      astral: "😀 ü \u2028 \u202e",
      lone: "\ud800",
      [`'; touch pwned; '`]: ["-n", "--", "-e"],
    };
    const text = JSON.stringify(params);
    const { stdout, stderr } = await workshop.run(params);
    const words = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(words, [text, `x${text}`, text + text], stderr);
    assertEquals(JSON.parse(words[0]), params);
    assertEquals([...Deno.readDirSync(workshop.workFolder)], []);
  });

  Deno.test(`${shell}: hostile request ids arrive byte for byte, but for NUL, and execute nothing`, async () => {
    const ids = [
      "$(touch pwned)`touch pwned`",
      `a'b"c\\`,
      "a\nb\n\n",
      "\n",
      "'",
      "'; touch pwned; '",
      "\r\t\x1b[2J",
      "😀 ü",
      "a\0b",
      " * ",
      "",
      "x".repeat(1_000),
    ];
    await using workshop = new Workshop({
      templates: { inference: `printf %s "$CYBERWAVE_REQUEST_ID"` },
      shell,
    });
    for (const requestId of ids) {
      const { stdout } = await workshop.run({}, { requestId });
      assertEquals(stdout, requestId.replaceAll("\0", ""), JSON.stringify(requestId));
    }
    assertEquals([...Deno.readDirSync(workshop.workFolder)], []);
  });

  Deno.test(`${shell}: {body_file} is the path of the params, a file of their own`, async () => {
    await using workshop = new Workshop({
      templates: { inference: `cat {body_file}; echo; echo {body_file} "$CYBERWAVE_PARAMS_FILE"` },
      shell,
    });
    const { stdout, folder } = await workshop.run('{"x":1.0}');
    assertEquals(stdout, `{"x":1.0}\n${folder.paramsFile} ${folder.paramsFile}\n`);
  });

  Deno.test(`${shell}: params over ${MAX_INLINE_BODY} bytes travel as a path, which is logged`, async () => {
    await using workshop = new Workshop({
      templates: { inference: `${PRINT_ARGUMENTS} {body}; cat {body} >copy` },
      shell,
    });
    const params = (bytes: number) => `{"é":"${"é".repeat((bytes - 9) / 2)}-"}`;
    const inline = await workshop.run(params(MAX_INLINE_BODY));
    assertEquals(JSON.parse(inline.stdout), params(MAX_INLINE_BODY));
    assertEquals(workshop.logger.lines.all.filter(({ message }) => /larger/.test(message)), []);

    const large = params(MAX_INLINE_BODY + 2);
    const byPath = await workshop.run(large);
    assertEquals(JSON.parse(byPath.stdout), byPath.folder.paramsFile);
    assertEquals(Deno.readTextFileSync(`${workshop.workFolder}/copy`), large);
    await workshop.logger.logged("{body} is the path of a file that holds them");
  });

  Deno.test(`${shell}: the environment is the node's own, four variables more, and nothing else`, async () => {
    const env = { PATH: Deno.env.get("PATH")!, SECRET: "s p'a\"c\n$(e)", CYBERWAVE_SLUG: "stale" };
    await using workshop = new Workshop({
      templates: {
        inference: `exec ${
          JSON.stringify(Deno.execPath())
        } eval 'console.log(JSON.stringify(Deno.env.toObject()))'`,
      },
      shell,
      env,
    });
    const { stdout, folder } = await workshop.run({}, { requestId: "r1" });
    const { PWD: _pwd, OLDPWD: _oldPwd, SHLVL: _level, _: _last, ...actual } = JSON.parse(stdout);
    assertEquals(actual, {
      ...env,
      CYBERWAVE_REQUEST_ID: "r1",
      CYBERWAVE_INSTANCE_UUID: "u-1",
      CYBERWAVE_SLUG: "my-node",
      CYBERWAVE_PARAMS_FILE: folder.paramsFile,
    });
  });

  Deno.test(`${shell}: the names of what runs around a workload are no variables and functions of it`, async () => {
    const names = ["pid", "stat", "code", "shell", "script", "folder", "umask", "line"];
    const env = {
      PATH: Deno.env.get("PATH")!,
      ...Object.fromEntries(names.map((n) => [n, "mine"])),
    };
    const template = `set; env | grep -c =mine`;
    await using workshop = new Workshop({ templates: { inference: template }, shell, env });
    const { stdout } = await workshop.run();
    assertEquals(stdout.trimEnd().split("\n").at(-1), String(names.length));
    const own = [...stdout.matchAll(/^(cloud_node\w+)(=| \(\))/gm)].map(([, name]) => name);
    assertEquals(own.sort(), ["cloud_node_body", "cloud_node_template"]);
  });

  Deno.test(`${shell}: a command without request id has an empty one`, async () => {
    const template = `printf '<%s>' "$CYBERWAVE_REQUEST_ID"`;
    const { stdout } = await runOnce(template, {}, { shell, command: { requestId: undefined } });
    assertEquals(stdout, "<>");
  });

  Deno.test(`${shell}: each kind runs its own template, and kinds without one run nothing`, async () => {
    await using workshop = new Workshop({
      templates: { inference: "echo i", training: "echo 't';", simulate: "echo s #" },
      shell,
    });
    for (const kind of ["inference", "training", "simulate"] as const) {
      assertEquals((await workshop.run({}, { kind })).stdout, `${kind[0]}\n`);
    }
  });
}

Deno.test("templates are bash where there is one: real ones source and use its syntax", async () => {
  if (HOST.shell !== "bash") return;
  await using workshop = new Workshop({
    templates: {
      inference:
        'source "$HOME/activate" && \\\n  echo "$ACTIVATED" && [[ {body} == *model* ]] && words=(a b) && echo "${#words[@]}"\n',
    },
    env: { PATH: Deno.env.get("PATH")!, HOME: "/nonexistent" },
  });
  assertEquals((await workshop.run({ model: 1 })).exit, { type: "exited", code: 1 });

  const home = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${home}/activate`, "ACTIVATED=yes\n");
  await using other = new Workshop({
    templates: {
      inference:
        'source "$HOME/activate" && \\\n  echo "$ACTIVATED" && [[ {body} == *model* ]] && words=(a b) && echo "${#words[@]}"\n',
    },
    env: { PATH: Deno.env.get("PATH")!, HOME: home },
  });
  const { stdout, stderr } = await other.run({ model: 1 });
  Deno.removeSync(home, { recursive: true });
  assertEquals([stdout, stderr], ["yes\n2\n", ""]);
});

Deno.test("a workload leads a process group of its own, in a session without a terminal that is not the node's", async () => {
  if (Deno.build.os !== "linux") return;
  const { stdout, running } = await runOnce(`read -r stat </proc/$$/stat; echo "\${stat##*) }"`);
  const [, , group, session, terminal] = stdout.split(" ").map(Number);
  assertEquals([group, terminal], [running.process.pid, 0]);
  const [, , , own] = Deno.readTextFileSync("/proc/self/stat").split(") ")[1].split(" ").map(
    Number,
  );
  assertNotEquals(session, own);
});

Deno.test("a shell that gets no command does nothing", async () => {
  await using workshop = new Workshop({ templates: { inference: "touch ran" } });
  const shell = await workshop.shell();
  await shell.dismiss();
  assertEquals(await shell.exited, { type: "never_began" });
  assertEquals([workshop.folders(), [...Deno.readDirSync(workshop.workFolder)]], [[], []]);
});

Deno.test("a command is one line, whatever is in it", () => {
  const line = commandLine({
    kind: "training",
    inlineBody: true,
    env: { CYBERWAVE_REQUEST_ID: "a\nb'c\0d\n", CYBERWAVE_PARAMS_FILE: "/p" },
  });
  assertMatch(line, /^[^\n\0]*\n$/);
});

Deno.test("a forked shell shows no traps and no folders but the template's own", async () => {
  const { stdout } = await runOnce(`trap; echo "<$OLDPWD>"; trap : TERM; trap`);
  assertEquals(
    stdout,
    "<>\ntrap -- ':' SIGTERM\n".replace("SIG", HOST.shell === "bash" ? "SIG" : ""),
  );
});

Deno.test("a template that ends what it started by its job's number ends nothing else", async () => {
  if (HOST.shell !== "bash") return;
  const { exit, stdout } = await runOnce("tail -f /dev/null & kill %1; wait %1; echo $?");
  assertEquals([exit, stdout], [{ type: "exited", code: 0 }, "143\n"]);
});

Deno.test("a variable that has to be set ends the template with the code of its shell", async () => {
  for (const script of ['set -u; echo "$nobody_sets_this"', "echo ${nobody_sets_this:?}"]) {
    const plain = await new Deno.Command(HOST.shell, { args: ["-c", script] }).output();
    assertEquals((await runOnce(script)).exit, { type: "exited", code: plain.code });
  }
});

Deno.test("a template gets a shell of its own when it could tell it from a forked one", () => {
  const own = [
    "echo $$",
    "kill ${$}",
    "echo $PPID",
    "echo $BASHPID",
    "(echo $BASH_SUBSHELL)",
    "$SHLVL",
    "serve & ask; kill %1",
    "serve & wait %serve",
    "set -euo pipefail",
    "set -e -o nounset",
    "${MODEL:?}",
    "${MODEL?is not set}",
    "source train.sh",
    "cd model && . ./env.sh",
    "true;. x",
    'eval "$(conda shell.bash hook)"',
  ];
  const forked = [
    "true",
    "echo $HOME",
    "source venv/bin/activate && python y.py {body}",
    '. "$HOME/venv/bin/activate"',
    "python evaluate.py --data ./x .",
    "printf %s x; kill $! || unset x",
    "echo '$'",
    "exec x",
  ];
  assertEquals([...own, ...forked].filter(needsOwnShell), own);
});

Deno.test("placeholders become expansions, everything else stays", () => {
  const sources: [template: string, source: string][] = [
    ["", ""],
    ["python x.py {body}", 'python x.py "$cloud_node_body"'],
    [
      "x {body} {body_file} {body}",
      'x "$cloud_node_body" "$CYBERWAVE_PARAMS_FILE" "$cloud_node_body"',
    ],
    [
      "echo {bod} {BODY} ${body} {a,b}",
      "echo {bod} {BODY} ${body} {a,b}".replace("{body}", '"$cloud_node_body"'),
    ],
  ];
  for (const [template, source] of sources) assertEquals(shellSource(template), source);
});

Deno.test("an exit file tells a code only once its line is whole", () => {
  const files: [text: string, code: number | "begun" | undefined][] = [
    ["", undefined],
    ["................", "begun"],
    ["0\n..............", 0],
    ["143\n............", 143],
    ["7\n", 7],
    ["7", "begun"],
    ["14..............", "begun"],
    ["\n", "begun"],
    ["1234\n", "begun"],
    ["-1\n", "begun"],
    ["\0\0\0\0", "begun"],
  ];
  for (const [text, code] of files) assertEquals(parseExitFile(text), code, JSON.stringify(text));
});

function modeOf(path: string): number {
  return Deno.statSync(path).mode! & 0o777;
}
