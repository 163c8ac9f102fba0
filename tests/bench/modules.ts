/** Imports the packages that a node imports, and exits: the time that loading them costs anyway. */
import "@std/cli/parse-args";
import "@std/dotenv";
import "@std/log";
import "@std/text/closest-string";
import "@std/ulid/monotonic-ulid";
import "@std/yaml";
import "mqtt";
