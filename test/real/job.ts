/** What is run on a kernel with ESP: a script in namespaces of its own. */

export type Job = {
  /** For bash, as root, in `directory`; `$WORK` is `work`. */
  readonly script: string;
  readonly directory: string;
  /** A folder that both the script and its caller see. */
  readonly work: string;
  readonly secondsMax: number;
};

/** Run by bash in namespaces for network, mounts and processes: what it starts ends with it. */
export function jobScript({ work, directory, script }: Job): string {
  return [
    `exec >${work}/output 2>&1`,
    // A guest's own modprobe stays where tests look for it.
    "mount --bind /run /mnt && mount -t tmpfs run /run && mkdir -p /run/netns /run/lock",
    "if [ -e /mnt/modprobe ]; then cp -a /mnt/modprobe /mnt/tree /run/; fi; umount /mnt",
    "ip link set lo up",
    `export WORK=${work}`,
    `cd ${directory} || exit`,
    script,
    "",
  ].join("\n");
}
