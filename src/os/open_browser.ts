/**
 * Opens a URL where the user sees it.
 *
 * @module
 */

/** What has become of a URL. */
export type Opened =
  | { readonly type: "opened" }
  /** There is no desktop. */
  | { readonly type: "no_desktop" }
  /** The user is elsewhere, and has come to this address by SSH. */
  | { readonly type: "ssh"; readonly user: string; readonly host: string; readonly port: string };

/**
 * In a shell, because it depends on variables that the node may have no permission to read, but
 * that the shell inherits. The program that opens the URL must outlast it.
 */
const SCRIPT = `
program=
if [ -n "$SSH_CONNECTION" ]; then
  set -- $SSH_CONNECTION
  printf 'ssh %s %s %s' "$(id -un)" "$3" "$4"
  exit
fi
case $(uname -s) in
Darwin) program=open ;;
MINGW* | MSYS* | CYGWIN*) program=start ;;
*) [ -n "$DISPLAY$WAYLAND_DISPLAY" ] && program=xdg-open ;;
esac
if [ -n "$program" ] && command -v "$program" >/dev/null; then
  nohup "$program" "$1" </dev/null >/dev/null 2>&1 &
  printf opened
fi
`;

/** Opens a URL with the program that the desktop uses for it. */
export async function openBrowser(url: string): Promise<Opened> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", SCRIPT, "sh", url],
    stdin: "null",
    stderr: "null",
  }).output();
  return readOpened(new TextDecoder().decode(stdout));
}

/** What the script says. */
export function readOpened(text: string): Opened {
  const [type, user, host, port] = text.split(" ");
  if (type === "opened") return { type };
  if (type !== "ssh" || host === undefined || port === undefined) return { type: "no_desktop" };
  return { type, user: user!, host, port };
}
