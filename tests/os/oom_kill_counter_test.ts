import { assertEquals } from "@std/assert";
import { procfs } from "../../src/os/procfs.ts";
import { HOST } from "../support/executors.ts";

const COUNTED = "max 4\noom_kill 0\n";

/**
 * Where the script finds the counter on a machine with these files, for a shell in these control
 * groups.
 */
async function counterOf(groups: string, files: Record<string, string>): Promise<string> {
  const root = Deno.makeTempDirSync({ prefix: "cloud_node_counter_" });
  for (const [path, text] of Object.entries({ ...files, "/proc/self/cgroup": groups })) {
    Deno.mkdirSync(`${root}${path}`.replace(/\/[^/]+$/, ""), { recursive: true });
    Deno.writeTextFileSync(`${root}${path}`, text);
  }
  const script = procfs.oomKillCounter.replaceAll(/(?<= )\/(?=sys\/|proc\/)/g, `${root}/`)
    .replaceAll("</proc/", `<${root}/proc/`);
  const { stdout, stderr } = await new Deno.Command("sh", { args: ["-c", script] }).output();
  Deno.removeSync(root, { recursive: true });
  assertEquals(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout).trimEnd().replace(root, "");
}

const CONTAINER = "/sys/fs/cgroup/memory.events";
const SERVICE = "/sys/fs/cgroup/system.slice/node.service/memory.events";
const SLICE = "/sys/fs/cgroup/user.slice/memory.events";
const OLD_GROUP = "/sys/fs/cgroup/memory/a b/memory.oom_control";
const OLD_TOP = "/sys/fs/cgroup/memory/memory.oom_control";
const OLD_GROUPS = "8:pids:/x\n4:cpu,memory:/a b\n0::/\n";
const MACHINE = "/proc/vmstat";

const COUNTERS: [where: string, groups: string, files: readonly string[], counter: string][] = [
  ["in a container its own", "0::/\n", [CONTAINER, MACHINE], CONTAINER],
  ["in a service that of the service", "0::/system.slice/node.service\n", [SERVICE], SERVICE],
  [
    "in a group without a memory controller that of the nearest one above",
    "0::/user.slice/a/b:c\n",
    [SLICE, SERVICE, MACHINE],
    SLICE,
  ],
  ["without such a group that of the machine", "0::/user.slice/a\n", [SERVICE, MACHINE], MACHINE],
  ["with groups of version 1 its own", OLD_GROUPS, [OLD_GROUP, OLD_TOP, MACHINE], OLD_GROUP],
  ["in a container with these that at the top", OLD_GROUPS, [OLD_TOP, MACHINE], OLD_TOP],
  ["without any groups that of the machine", "", [MACHINE], MACHINE],
  ["where the kernel does not count none", "0::/\n", [], ""],
];

for (const [where, groups, files, counter] of COUNTERS) {
  Deno.test({
    name: `the counter of what the kernel killed for lack of memory: ${where}`,
    ignore: Deno.build.os === "windows",
    async fn() {
      const texts = Object.fromEntries(files.map((path) => [path, COUNTED]));
      assertEquals(await counterOf(groups, texts), counter);
    },
  });
}

Deno.test("a file that does not count kills is no counter", async () => {
  assertEquals(await counterOf("0::/\n", { [CONTAINER]: "max 4\n", [MACHINE]: COUNTED }), MACHINE);
});

Deno.test({
  name: "the counter of this machine has a value",
  ignore: Deno.build.os !== "linux",
  fn: () => assertEquals(/^oom_kill \d+$/m.test(Deno.readTextFileSync(HOST.oomKillCounter!)), true),
});
