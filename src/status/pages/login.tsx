/** @jsxImportSource hono/jsx */
/** Login from a browser: a token is sent once, and a cookie represents it from then on. */

import type { Hono } from "hono";
import { deleteCookie, setCookie } from "hono/cookie";
import type { FC } from "hono/jsx";
import { type AccessSettings, isToken, SESSION_COOKIE } from "../access/access.ts";
import { isOwnForm, type Role, type Session, type Sessions } from "../access/sessions.ts";
import { type TokenGuard, tooManyTokens } from "../access/token-guard.ts";
import { LOGIN_PATH, LOGOUT_PATH, TUNNELS_PATH } from "../paths.ts";
import { problem } from "../problem.ts";
import type { StatusBindings } from "../request.ts";
import { Document, documentText } from "./document.tsx";
import { formOf } from "./form.ts";

export type LoginSettings = AccessSettings & {
  /** Whether pages are served over TLS: then the cookie is never sent without it. */
  readonly isSecure: boolean;
};

/** Adds the login page, its form, and the logout. */
export function addLogin(
  app: Hono<StatusBindings>,
  settings: LoginSettings,
  sessions: Sessions,
  guard: TokenGuard,
): void {
  app.get(LOGIN_PATH, (c) => {
    const next = nextOf(c.req.query("next"));
    const session = c.get("session");
    return c.html(session === undefined ? loginPage({ next }) : sessionPage(session, next));
  });
  app.post(LOGIN_PATH, async (c) => {
    if (!guard.mayTry(c)) return tooManyTokens(c);
    const form = await formOf(c);
    if (!form.ok) return problem(c, 400, form.error);
    const next = nextOf(form.value.get("next"));
    const token = form.value.get("token")?.trim() ?? "";
    const role = roleOf(token, settings);
    if (role === undefined) {
      guard.onWrong(c);
      return c.html(loginPage({ next, fault: "This token is wrong." }), 401);
    }
    const session = sessions.open(role, token);
    setCookie(c, SESSION_COOKIE, session.id, {
      httpOnly: true,
      sameSite: "Strict",
      path: "/",
      secure: settings.isSecure,
    });
    return c.redirect(next, 303);
  });
  app.post(LOGOUT_PATH, async (c) => {
    const session = c.get("session");
    const form = await formOf(c);
    if (session !== undefined && form.ok && isOwnForm(session, form.value.get("csrf") ?? "")) {
      sessions.close(session.id);
      deleteCookie(c, SESSION_COOKIE, { path: "/", secure: settings.isSecure });
    }
    return c.redirect(LOGIN_PATH, 303);
  });
}

/** An operator may read as well, so both tokens are compared. */
function roleOf(given: string, { token, operateToken }: AccessSettings): Role | undefined {
  if (given === "") return undefined;
  const operates = operateToken !== undefined && isToken(given, operateToken);
  const reads = token !== undefined && isToken(given, token);
  if (operates) return "operate";
  return reads ? "read" : undefined;
}

/**
 * A page of this server, whatever the parameter says: a link to the login never leads elsewhere.
 */
function nextOf(text: string | null | undefined): string {
  return text !== null && text !== undefined && /^\/status\/[\w/.?=&%~-]*$/.test(text)
    ? text
    : TUNNELS_PATH;
}

const loginPage = (props: { next: string; fault?: string }) =>
  documentText(
    <Document title="Log in">
      <main id="main">
        <h1>Log in</h1>
        <LoginForm {...props} />
      </main>
    </Document>,
  );

const MAY: Readonly<Record<Role, string>> = {
  read: "You are logged in, and can see everything.",
  operate: "You are logged in, and can connect and disconnect sites.",
};

const sessionPage = ({ role, csrf }: Session, next: string) =>
  documentText(
    <Document title="Session">
      <main id="main">
        <h1>Session</h1>
        <p>{MAY[role]}</p>
        <LogoutForm csrf={csrf} />
        {role === "read" && <LoginForm next={next} />}
      </main>
    </Document>,
  );

/** The button to log out. */
export const LogoutForm: FC<{ csrf: string }> = ({ csrf }) => (
  <form method="post" action={LOGOUT_PATH}>
    <input type="hidden" name="csrf" value={csrf} />
    <button type="submit">Log out</button>
  </form>
);

const LoginForm: FC<{ next: string; fault?: string }> = ({ next, fault }) => (
  <form class="login" method="post" action={LOGIN_PATH}>
    {fault !== undefined && (
      <p class="banner" role="alert">
        {fault}
      </p>
    )}
    <p>
      With the token in <code>status.token_file</code> you can see everything, with that in{" "}
      <code>status.operate_token_file</code> you can also connect and disconnect sites.
    </p>
    <input type="hidden" name="next" value={next} />
    <input type="text" name="username" value="erouted" autocomplete="username" hidden />
    <label>
      <span>Token</span>{" "}
      <input type="password" name="token" autocomplete="current-password" required />
    </label>{" "}
    <button type="submit">Log in</button>
  </form>
);
