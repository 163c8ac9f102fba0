import { assertEquals, assertThrows } from "@std/assert";
import { readRegularFile } from "../../src/os/regular_file.ts";

Deno.test("nothing but a regular file is opened, and nothing is waited for", () => {
  const folder = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${folder}/file`, "abcdef");
  Deno.symlinkSync(`${folder}/file`, `${folder}/link`);
  Deno.mkdirSync(`${folder}/folder`);
  new Deno.Command("mkfifo", { args: [`${folder}/fifo`] }).outputSync();
  const read = (name: string) => readRegularFile(`${folder}/${name}`, 4);
  assertEquals(new TextDecoder().decode(read("file")), "abcd");
  for (const name of ["link", "folder", "fifo", "missing"]) assertThrows(() => read(name));
  Deno.removeSync(folder, { recursive: true });
});
