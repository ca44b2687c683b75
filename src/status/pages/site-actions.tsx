/** @jsxImportSource hono/jsx */
/** The buttons on a site's page: connect, disconnect, read its row again, rekey. */

import type { Context, Hono } from "hono";
import type { FC } from "hono/jsx";
import { Rate } from "../../concentrator/rate.ts";
import { isOwnForm, type Session } from "../access/sessions.ts";
import type { Control, ControlAnswer } from "../control.ts";
import { LOGIN_PATH, SITE_PATH, sitePath } from "../paths.ts";
import { problem } from "../problem.ts";
import type { StatusBindings } from "../request.ts";
import { formOf } from "./form.ts";
import { LogoutForm } from "./login.tsx";

const ACTIONS = {
  connect: { name: "Connect", act: (to: Control) => to.connect },
  disconnect: { name: "Disconnect", act: (to: Control) => to.disconnect },
  reload: { name: "Read its row again", act: (to: Control) => to.reloadPeer },
  rekey: {
    name: "Rekey",
    act: (to: Control) => (peerId: string, by: string) => to.rekey(peerId, "children", by),
  },
} as const;

type ActionName = keyof typeof ACTIONS;
const ACTION_NAMES = Object.keys(ACTIONS) as readonly ActionName[];

/** Actions of all browsers together in a second. */
const ACTIONS_PER_SECOND = 5;

/** Adds the buttons' actions: they need a session with the operate token, and its own form. */
export function addSiteActions(app: Hono<StatusBindings>, control: Control | undefined): void {
  if (control === undefined) return;
  const rate = new Rate(ACTIONS_PER_SECOND, control.now());
  for (const name of ACTION_NAMES) {
    app.post(`${SITE_PATH}/:id/${name}`, async (c) => {
      const peerId = c.req.param("id");
      const remote = c.env?.remote ?? "unknown";
      const session = c.get("session");
      const form = await formOf(c);
      const isAllowed =
        session?.role === "operate" &&
        form.ok &&
        isOwnForm(session, form.value.get("csrf") ?? "") &&
        isFromHere(c);
      if (!isAllowed) {
        control.onDenied(`POST ${c.req.path}`, remote);
        return problem(c, 403, "log in with the operate token, and press the button again");
      }
      if (!rate.take(control.now())) {
        return problem(c, 429, "too many requests: wait a second", { "Retry-After": "1" });
      }
      session.said = saidOf(ACTIONS[name].act(control)(peerId, remote));
      return c.redirect(sitePath(peerId), 303);
    });
  }
}

/** Browsers say where a form comes from; those that do not must still have its CSRF token. */
function isFromHere(c: Context): boolean {
  const site = c.req.header("sec-fetch-site");
  return site === undefined || site === "same-origin" || site === "none";
}

function saidOf(answer: ControlAnswer): string {
  return answer.ok ? answer.value.detail : answer.error.detail;
}

type SiteActionsProps = {
  readonly peerId: string;
  readonly session: Session | undefined;
  /** Whether there is an operate token. */
  readonly canOperate: boolean;
};

/** The buttons, or a link to the login. */
export const SiteActions: FC<SiteActionsProps> = ({ peerId, session, canOperate }) => {
  if (!canOperate) return null;
  if (session?.role !== "operate") {
    const next = encodeURIComponent(sitePath(peerId));
    return (
      <p>
        <a href={`${LOGIN_PATH}?next=${next}`}>Log in</a> to connect or disconnect this site.
      </p>
    );
  }
  return (
    <div class="actions">
      {ACTION_NAMES.map((name) => (
        <form method="post" action={`${sitePath(peerId)}/${name}`}>
          <input type="hidden" name="csrf" value={session.csrf} />
          <button type="submit">{ACTIONS[name].name}</button>
        </form>
      ))}
      <LogoutForm csrf={session.csrf} />
    </div>
  );
};
