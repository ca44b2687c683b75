/** A process that takes the runtime's options, and says what it has become. */

import { readFileSync, readlinkSync } from "node:fs";
import { takeRuntimeOptions } from "../../../src/daemon/runtime-options.ts";

const { pid } = process;
takeRuntimeOptions(process.env);
const started = readFileSync("/proc/self/environ", "utf8").split("\0");
const left = Object.keys(process.env);
const isOption = (word: string) => /^(BUN_JSC|BUN_IDLE|EROUTED|MIMALLOC)_/.test(word);
const descriptors = [3, 4, 5].map((fd) => readlinkSync(`/proc/self/fd/${fd}`));
const report = { pid, started: started.filter(isOption), left: left.filter(isOption), descriptors };
process.stdout.write(`${JSON.stringify(report)}\n`);
