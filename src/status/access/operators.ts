/** Guards actions: by the operate token, and against pages of other origins. */

import type { Context, MiddlewareHandler } from "hono";
import { Rate } from "../../concentrator/rate.ts";
import type { Control } from "../control.ts";
import { problem } from "../problem.ts";
import { remoteOf, type StatusBindings } from "../request.ts";
import { bearerOf, isToken } from "./access.ts";
import { type TokenGuard, tooManyTokens } from "./token-guard.ts";

/** Actions of all operators together, a second. */
const ACTIONS_PER_SECOND = 20;

/** Lets operators through. Without `control` it says that no action is possible. */
export function operatorsOnly(
  control: Control | undefined,
  tokens: TokenGuard,
): MiddlewareHandler<StatusBindings> {
  return control === undefined ? async (c) => switchedOff(c) : withOperateToken(control, tokens);
}

function switchedOff(c: Context): Response {
  const how = "set status.operate_token_file, and send Authorization: Bearer TOKEN";
  return problem(c, 403, `nothing can be changed: ${how}`);
}

/**
 * On behalf of a page of another origin, a browser sends an Authorization header or JSON only after
 * a preflight request, which is never granted; forms are refused as well.
 */
function withOperateToken(control: Control, tokens: TokenGuard): MiddlewareHandler<StatusBindings> {
  const actions = new Rate(ACTIONS_PER_SECOND, control.now());
  return async (c, next) => {
    const { token } = control;
    if (token === undefined) return switchedOff(c);
    const given = bearerOf(c.req.header("authorization"));
    if (given !== undefined && !tokens.mayTry(c)) return tooManyTokens(c);
    if (given === undefined || !isToken(given, token)) {
      // A request without a token is not a guess.
      if (given === undefined) control.onDenied(`${c.req.method} ${c.req.path}`, remoteOf(c));
      else tokens.onWrong(c);
      const detail = "send the token of status.operate_token_file: Authorization: Bearer TOKEN";
      return problem(c, 401, detail, { "WWW-Authenticate": "Bearer" });
    }
    if (isForm(c.req.header("content-type"))) {
      return problem(c, 415, "send no body, or JSON: forms and plain text are refused");
    }
    if (!actions.take(control.now())) {
      return problem(c, 429, "too many requests: wait a second", { "Retry-After": "1" });
    }
    return await next();
  };
}

/** What a page of another origin could send without a preflight (a "simple" request). */
function isForm(type: string | undefined): boolean {
  return /^\s*(application\/x-www-form-urlencoded|multipart\/form-data|text\/plain)\b/i.test(
    type ?? "",
  );
}
