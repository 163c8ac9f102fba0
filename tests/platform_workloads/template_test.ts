import { assert, assertEquals } from "@std/assert";
import { becomes } from "../support/followed.ts";
import { IMAGES } from "../support/images.ts";
import { NodeProcess } from "../support/node_process.ts";
import { World } from "../support/world.ts";

const MiB = 2 ** 20;

/** A template as it stands in a repository: a virtual environment, then its program. */
const TEMPLATE = [
  'source "$HOME/.venv/smolvla/bin/activate" && \\',
  "python preview.py {body}",
  "",
].join("\n");

/** What a virtual environment's `activate` does, as far as it matters. */
const ACTIVATE = `
deactivate () { unset VIRTUAL_ENV; }
VIRTUAL_ENV="$HOME/.venv/smolvla"
export VIRTUAL_ENV
PATH="$VIRTUAL_ENV/bin:$PATH"
export PATH
`;

/** A program that takes the path of a JSON file, or JSON itself, as those in the wild do. */
const PYTHON = `#!/bin/sh
[ "$1" = preview.py ] && [ $# = 2 ] || { echo "$# arguments" >&2; exit 2; }
if [ -f "$2" ]; then from=file params=$(cat "$2"); else from=inline params=$2; fi
field() { printf "%s\\n" "$params" | sed -n 's/.*"'"$1"'":"\\([^"]*\\)".*/\\1/p'; }
image=$(field image)
echo "$from $VIRTUAL_ENV"
field instruction
echo "$CYBERWAVE_PARAMS_FILE" >>paths
cksum <"$image"
`;

async function checksum(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const child = new Deno.Command("cksum", { stdin: "piped", stdout: "piped" }).spawn();
  const [{ stdout }] = await Promise.all([
    child.output(),
    new Blob([bytes]).stream().pipeTo(child.stdin),
  ]);
  return new TextDecoder().decode(stdout);
}

Deno.test("a template from the wild takes 2 MB of params with a camera image, and small ones inline", async () => {
  await using world = await World.start();
  await world.answerOverMqtt();
  const venv = `${world.folder}/.venv/smolvla`;
  await Deno.mkdir(`${venv}/bin`, { recursive: true });
  await Deno.writeTextFile(`${venv}/bin/activate`, ACTIVATE);
  await Deno.writeTextFile(`${venv}/bin/python`, PYTHON, { mode: 0o755 });
  await using _node = await NodeProcess.start(world, {
    yaml: { inference: TEMPLATE },
    env: { HOME: world.folder },
  });
  const [identity] = world.backend.instances.values();
  await using sender = await world.sender(identity);

  const photo = new Uint8Array(MiB);
  photo.set(IMAGES.jpeg);
  for (let i = IMAGES.jpeg.length; i < MiB; i++) photo[i] = i * 31 % 251;
  const wrapped = photo.toBase64().replace(/.{76}/g, "$&\n");
  const instruction = "it's \\$(date) `x` \\u00e9 😀";
  const states = Array.from({ length: 60_000 }, (_, index) => index / 7);
  for (const [form, extra] of [["file", { states }], ["inline", {}]] as const) {
    const workload = world.backend.createWorkload(identity.uuid);
    const params = {
      image_bytes_base64: `data:image/jpeg;base64,${wrapped}`,
      instruction: instruction.replaceAll("\\u00e9", "é").replaceAll("\\", ""),
      ...extra,
      workload_uuid: workload.uuid,
      cyberwave_workload_token: "wt-camera",
    };
    const size = JSON.stringify(params).length;
    if (form === "file") assert(size > 2e6, `${size} bytes`);
    const reply = await sender.ask({ command: "inference", request_id: form, params });
    assertEquals(
      reply.output ?? reply.error,
      `${form} ${venv}\n${params.instruction}\n${await checksum(photo)}`,
    );
    await becomes(world, workload, "completed");
    assertEquals(workload.statuses.at(-1)!.success, true);
  }
  const [file] = (await Deno.readTextFile(`${world.folder}/paths`)).split("\n");
  const seen = JSON.parse(await Deno.readTextFile(file));
  assertEquals(seen.states, states);
  assertEquals(Object.keys(seen).sort(), ["image", "instruction", "states", "workload_uuid"]);
});
