/** Loaded before the tests of a guest: what each of them leaves is the same at both ends. */

import { afterEach } from "bun:test";
import { expectBothEndsAgree } from "./both-ends.ts";

afterEach(expectBothEndsAgree);
