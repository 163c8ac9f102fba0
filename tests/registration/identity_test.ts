import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "node:path";
import { ConfigError } from "../../src/errors.ts";
import { IdentityStore } from "../../src/registration/identity.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";

const IDENTITY = {
  uuid: "7e6b6f5e-0001",
  slug: "my-node",
  workspaceSlug: "lab",
  registeredAt: "2025-01-01T00:00:00.000Z",
};
const onUnix = { ignore: Deno.build.os === "windows" };

/** A store over a folder that does not exist yet, in a folder that goes away in the end. */
async function setup() {
  const parent = await Deno.makeTempDir();
  const folder = join(parent, "state");
  const logger = new RecordingLogger();
  const store = new IdentityStore(folder, { clock: new FakeClock(), logger });
  return {
    folder,
    file: join(folder, "instance_identity.json"),
    store,
    logger,
    names: () => [...Deno.readDirSync(folder)].map(({ name }) => name).sort(),
    [Symbol.asyncDispose]: () => Deno.remove(parent, { recursive: true }),
  };
}

async function modeOf(path: string): Promise<string> {
  return ((await Deno.stat(path)).mode! & 0o777).toString(8);
}

async function underUmask(mask: number, act: () => Promise<void>): Promise<void> {
  const before = Deno.umask(mask);
  try {
    await act();
  } finally {
    Deno.umask(before);
  }
}

Deno.test("without a file there is no identity, and nothing is made or said", async () => {
  await using state = await setup();
  assertEquals(await state.store.read(), undefined);
  assertEquals(state.logger.shown, []);
  await assertRejects(() => Deno.stat(state.folder), Deno.errors.NotFound);
});

Deno.test("an identity is stored in the documented form and read back", async () => {
  await using state = await setup();
  await state.store.write(IDENTITY);
  assertEquals(JSON.parse(await Deno.readTextFile(state.file)), {
    uuid: "7e6b6f5e-0001",
    slug: "my-node",
    workspace_slug: "lab",
    registered_at: "2025-01-01T00:00:00.000Z",
  });
  assertEquals(await state.store.read(), IDENTITY);
});

Deno.test("a new identity replaces the old one and leaves no other file", async () => {
  await using state = await setup();
  await state.store.write(IDENTITY);
  await state.store.write({ ...IDENTITY, uuid: "another", workspaceSlug: null });
  assertEquals(await state.store.read(), { ...IDENTITY, uuid: "another", workspaceSlug: null });
  assertEquals(state.names(), ["instance_identity.json"]);
});

for (const mask of [0o000, 0o777]) {
  Deno.test({
    name: `under umask ${mask.toString(8)} the file is 0600 in a folder of 0700`,
    ...onUnix,
    async fn() {
      await using state = await setup();
      await underUmask(mask, () => state.store.write(IDENTITY));
      assertEquals([await modeOf(state.folder), await modeOf(state.file)], ["700", "600"]);
      assertEquals(await state.store.read(), IDENTITY);
    },
  });
}

Deno.test({
  name: "writing takes a folder and a file away from others who could read them",
  ...onUnix,
  async fn() {
    await using state = await setup();
    await Deno.mkdir(state.folder, { mode: 0o755 });
    await Deno.writeTextFile(state.file, "{}", { mode: 0o644 });
    await Deno.chmod(state.file, 0o644);
    await state.store.write(IDENTITY);
    assertEquals([await modeOf(state.folder), await modeOf(state.file)], ["700", "600"]);
  },
});

Deno.test({
  name: "reading takes the file away from others who could read it",
  ...onUnix,
  async fn() {
    await using state = await setup();
    await state.store.write(IDENTITY);
    await Deno.chmod(state.file, 0o644);
    await state.store.read();
    assertEquals(await modeOf(state.file), "600");
  },
});

Deno.test({
  name: "a symbolic link in the file's place is replaced, not followed",
  ...onUnix,
  async fn() {
    await using state = await setup();
    await Deno.mkdir(state.folder);
    const victim = join(state.folder, "victim");
    await Deno.writeTextFile(victim, "untouched");
    await Deno.symlink(victim, state.file);
    await state.store.write(IDENTITY);
    assertEquals(await Deno.readTextFile(victim), "untouched");
    assert((await Deno.lstat(state.file)).isFile);
  },
});

Deno.test("a file that is no identity is set aside with a warning, never overwritten", async () => {
  const table: [string, RegExp][] = [
    ["", /not usable: .*JSON/],
    ['{"uuid": "half', /not usable: .*JSON/],
    ["null", /not a JSON object/],
    ['"text"', /not a JSON object/],
    ['{"slug": "s"}', /uuid must be a string/],
    ['{"uuid": "../../x", "slug": "s"}', /uuid must not hold/],
    ['{"uuid": "u", "slug": "#"}', /slug must not hold/],
  ];
  for (const [text, warning] of table) {
    await using state = await setup();
    await Deno.mkdir(state.folder);
    await Deno.writeTextFile(state.file, text);

    assertEquals(await state.store.read(), undefined);
    assertEquals(state.logger.shown.length, 1);
    assertMatch(state.logger.shown[0], /^warn: Set ".*" aside as ".*": the stored identity is not/);
    assertMatch(state.logger.shown[0], warning);
    const aside = "instance_identity.json.damaged-2025-01-01T000000.000Z";
    assertEquals(state.names(), [aside]);
    assertEquals(await Deno.readTextFile(join(state.folder, aside)), text);
  }
});

Deno.test("a folder in the file's place counts as absent and is set aside", async () => {
  await using state = await setup();
  await Deno.mkdir(state.file, { recursive: true });
  assertEquals(await state.store.read(), undefined);
  await state.store.write(IDENTITY);
  assertEquals(await state.store.read(), IDENTITY);
  assertEquals(state.names().length, 2);
});

Deno.test({
  name: "a FIFO in the file's place is set aside, and nobody waits for it",
  ...onUnix,
  async fn() {
    await using state = await setup();
    await Deno.mkdir(state.folder);
    await new Deno.Command("mkfifo", { args: [state.file] }).output();
    assertEquals(await state.store.read(), undefined);
    assertMatch(state.logger.shown[0], /: it is a FIFO$/);
  },
});

Deno.test({
  name: "a link in the file's place is refused with its path",
  ...onUnix,
  async fn() {
    await using state = await setup();
    await Deno.mkdir(state.folder);
    await Deno.symlink("/etc/hostname", state.file);
    const error = await assertRejects(() => state.store.read(), ConfigError);
    assertStringIncludes(error.message, state.file);
  },
});

Deno.test("fields that are missing or new do not cost the node its identity", async () => {
  await using state = await setup();
  await Deno.mkdir(state.folder);
  await Deno.writeTextFile(state.file, '{"uuid": "u", "slug": "s", "region": "eu"}');
  assertEquals(await state.store.read(), {
    uuid: "u",
    slug: "s",
    workspaceSlug: null,
    registeredAt: "",
  });
});

Deno.test("a failed write says which file, and leaves nothing behind", async () => {
  await using state = await setup();
  await Deno.mkdir(join(state.file, "in-the-way"), { recursive: true });
  const error = await assertRejects(() => state.store.write(IDENTITY), Error);
  assertMatch(error.message, /^Cannot store the identity in ".*instance_identity\.json": /);
  assertEquals(state.names(), ["instance_identity.json"]);
});

Deno.test("looking at the identity changes nothing, and tells a file that is not usable", async () => {
  await using state = await setup();
  assertEquals(await state.store.peek(), undefined);
  await state.store.write(IDENTITY);
  assertEquals(await state.store.peek(), IDENTITY);
  await Deno.writeTextFile(state.file, "{}");
  await assertRejects(() => state.store.peek(), Error, "uuid must be a string");
  assertEquals([state.names(), state.logger.shown], [["instance_identity.json"], []]);
});
