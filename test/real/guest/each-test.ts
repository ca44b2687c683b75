/** Loaded before the tests of a guest: after each of them, both ends have to agree. */

import { afterEach } from "bun:test";
import { expectBothEndsAgree } from "./both-ends.ts";

afterEach(expectBothEndsAgree);
