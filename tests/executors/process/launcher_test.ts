import { assertEquals, assertRejects } from "@std/assert";
import { Launcher } from "../../../src/executors/process/launcher.ts";
import { HOST, SHELLS } from "../../support/workshop.ts";

for (const shell of SHELLS) {
  Deno.test(`${shell}: shells that end before they wait are an error, not a wait without end`, async () => {
    await using test = launch(shell, "exit 3");
    await assertRejects(() => test.launcher.next(), Error, "before it was ready (code 3)");
  });

  Deno.test(`${shell}: a launcher that has ended meanwhile says so, and leaves nothing`, async () => {
    await using test = launch(shell, "exit 3");
    await test.launcher.close();
    await assertRejects(() => test.launcher.next(), Error, "it ended");
    assertEquals([...Deno.readDirSync(test.folder)], []);
  });

  Deno.test(`${shell}: shells that do not say who they are are an error`, async () => {
    await using test = launch(shell, "echo 'ready 1 nonsense' >&3; read -r line");
    const waiting = assertRejects(() => test.launcher.next());
    await test.launcher.close();
    await waiting;
  });
}

function launch(shell: "bash" | "sh", outer: string) {
  const folder = Deno.makeTempDirSync({ prefix: "cloud_node_launcher_" });
  const launcher = new Launcher({
    host: { ...HOST, shell },
    folder,
    env: { PATH: Deno.env.get("PATH")! },
    args: [outer, "", shell, "own"],
  });
  launcher.prepare();
  return {
    launcher,
    folder,
    async [Symbol.asyncDispose]() {
      await launcher.close();
      Deno.removeSync(folder, { recursive: true });
    },
  };
}
