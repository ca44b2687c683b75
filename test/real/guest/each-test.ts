/** Loaded before a guest's tests: whatever one was about, what it leaves is the same at both ends. */

import { afterEach } from "bun:test";
import { expectBothEndsAgree } from "./both-ends.ts";

afterEach(expectBothEndsAgree);
