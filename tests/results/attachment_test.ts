import { assertEquals } from "@std/assert";
import { attachmentName } from "../../src/results/attachment.ts";

Deno.test("an attachment is called by its id and the file's extension, if that is a plain one", () => {
  const cases: [string, string][] = [
    ["/results/model.bin", "u.bin"],
    ["/results/archive.tar.gz", "u.gz"],
    ["/results/IMAGE.PNG", "u.PNG"],
    ["/results/video.mp4", "u.mp4"],
    ["/results/README", "u"],
    ["/results/.hidden", "u"],
    ["/results/dot.", "u"],
    ["/results/dir.d/file", "u"],
    ["/results/a.b c", "u"],
    ["/results/a.b\nc", "u"],
    ["/results/a.txt?x=1", "u"],
    ["/results/a.%2e", "u"],
    ["/results/a.ü", "u"],
    ["/results/..", "u"],
    [`/results/a.${"x".repeat(17)}`, "u"],
  ];
  for (const [path, expected] of cases) assertEquals(attachmentName("u", path), expected, path);
});
