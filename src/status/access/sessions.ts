/** Sessions of browsers: after a login with a token, a cookie replaces it. */

import { equalConstantTime } from "../../octets/secret.ts";

export type Role = "read" | "operate";

export type Session = {
  readonly id: string;
  /** Each form for an action carries it: pages of other origins cannot know it. */
  readonly csrf: string;
  readonly role: Role;
  /** The token of the login: when the configured one changes, the session ends. */
  readonly token: string;
  readonly untilMs: number;
  /** The result of the last action, for the next page. */
  said: string | undefined;
};

export type Sessions = {
  open(role: Role, token: string): Session;
  find(id: string): Session | undefined;
  close(id: string): void;
  readonly size: number;
};

/** One concentrator has fewer operators than this; the oldest session is closed first. */
const SESSIONS_MAX = 64;
/** One working shift. */
const SESSION_MS = 10 * 3_600_000;
const ID_OCTETS = 32;

/** No sessions at first. `nowMs` is monotonic. */
export function createSessions(nowMs: () => number): Sessions {
  const sessions = new Map<string, Session>();
  return {
    open(role, token) {
      const untilMs = nowMs() + SESSION_MS;
      const session: Session = {
        id: randomText(),
        csrf: randomText(),
        role,
        token,
        untilMs,
        said: undefined,
      };
      sessions.set(session.id, session);
      for (const [id] of sessions) {
        if (sessions.size <= SESSIONS_MAX) break;
        sessions.delete(id);
      }
      return session;
    },
    find(id) {
      const session = sessions.get(id);
      if (session === undefined || nowMs() < session.untilMs) return session;
      sessions.delete(id);
      return undefined;
    },
    close: (id) => void sessions.delete(id),
    get size() {
      return sessions.size;
    },
  };
}

/** Whether a form was made for this session. */
export function isOwnForm(session: Session, csrf: string): boolean {
  const encoder = new TextEncoder();
  return equalConstantTime(encoder.encode(csrf), encoder.encode(session.csrf));
}

function randomText(): string {
  const octets = crypto.getRandomValues(new Uint8Array(ID_OCTETS));
  return octets.toBase64({ alphabet: "base64url", omitPadding: true });
}
