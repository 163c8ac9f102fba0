import { assertEquals } from "@std/assert";
import { invocation, withoutLinker } from "../../src/os/child_environment.ts";

const PATH = Deno.env.get("PATH")!;

Deno.test("a program gets its environment as it is", () => {
  const env = { PATH, OLD_LD_PATH: "x" };
  assertEquals(invocation("bash", ["-c", "true"], env), {
    command: "bash",
    args: ["-c", "true"],
    env,
  });
});

Deno.test("what steers the dynamic linker is set by a shell, whatever is in it", async () => {
  const env = { PATH, LD_LIBRARY_PATH: "/cuda lib:$HOME'", DYLD_LIBRARY_PATH: "a=b", X: "1" };
  const script = 'printf "%s|" "$LD_LIBRARY_PATH" "$DYLD_LIBRARY_PATH" "$X" "$0" "$1"';
  const { command, ...options } = invocation("sh", ["-c", script, "zero", "a b"], env);
  assertEquals(options.env, { PATH, X: "1" });
  const { stdout } = await new Deno.Command(command, { ...options, clearEnv: true }).output();
  assertEquals(new TextDecoder().decode(stdout), "/cuda lib:$HOME'|a=b|1|zero|a b|");
});

Deno.test("what steers the dynamic linker is told by its name", () => {
  const env = { LD_PRELOAD: "x", DYLD_INSERT_LIBRARIES: "x", LDFLAGS: "x", BUILD_LD_X: "x" };
  assertEquals(withoutLinker(env), { LDFLAGS: "x", BUILD_LD_X: "x" });
});
