import { assertEquals } from "@std/assert";
import { becomeCommand, holdEnvironment, invocation } from "../../src/os/child_environment.ts";
import { HOSTS } from "../support/executors.ts";

Deno.test("variables are numbered, but for those that no script can set", () => {
  const env = {
    A: "1",
    LD_PRELOAD: "x=y",
    SHELLOPTS: "errexit",
    "dotted.name": "2",
    "BASH_FUNC_f%%": "() { :; }",
    _: "/bin/thing",
    cloud_node_source: "hostile",
  };
  assertEquals(holdEnvironment(env), {
    variables: {
      cloud_node_e0: "A=1",
      cloud_node_e1: "LD_PRELOAD=x=y",
      cloud_node_a0: "SHELLOPTS=errexit",
      "dotted.name": "2",
      "BASH_FUNC_f%%": "() { :; }",
    },
    exports: 'export "$cloud_node_e0" "$cloud_node_e1"; unset cloud_node_e0 cloud_node_e1',
    assignments: 'set -- "$cloud_node_a0"; unset cloud_node_a0',
  });
});

for (const host of HOSTS) {
  Deno.test(`a command gets its environment as it is under ${host.shell}`, async () => {
    const env = { PATH: Deno.env.get("PATH")!, LD_TEST: "/cuda lib:$HOME'", X: "a\nb", IFS: ":" };
    const source = 'printf "%s|" "$LD_TEST" "$X" "$0" "$#"; env | grep -c -e cloud_node -e LC_ALL';
    const { command, ...options } = invocation({ source, env, host }, becomeCommand(""), {
      name: ["test"],
    });
    const { stdout } = await new Deno.Command(command, { ...options, stderr: "null" }).output();
    assertEquals(new TextDecoder().decode(stdout), `/cuda lib:$HOME'|a\nb|${host.shell}|0|0\n`);
  });
}
