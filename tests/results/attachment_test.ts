import { assertEquals } from "@std/assert";
import { attachmentUuidIn } from "../../src/results/attachment.ts";

const UUID = "123e4567-e89b-42d3-a456-426614174000";

Deno.test("the platform names a file by the UUID of its attachment and the file's extension", () => {
  const cases: [filename: string, uuid: string | undefined][] = [
    [UUID, UUID],
    [`${UUID}.pt`, UUID],
    [`${UUID}.tar.gz`, UUID],
    [`${UUID}.`, UUID],
    [UUID.toUpperCase(), UUID.toUpperCase()],
    ["", undefined],
    ["model.pt", undefined],
    [`${UUID}x`, undefined],
    [`x${UUID}`, undefined],
    [`${UUID}.a/b`, undefined],
    [`../${UUID}.pt`, undefined],
  ];
  for (const [filename, uuid] of cases) assertEquals(attachmentUuidIn(filename), uuid, filename);
});
