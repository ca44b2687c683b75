/** The script of the pages: it loads the page again when something has happened. */

/**
 * Runs in browsers. Elements with `data-live` are replaced by their present state: after an event,
 * and every ten seconds for the counters; at most once a second, and less often if the server is
 * slow. A hidden page requests nothing and holds no connection, because a browser has only six for
 * each server, shared by all tabs. If events cannot be followed (too many clients, or a token is
 * needed), the timer alone works. A form that is being filled in is left alone.
 */
export const LIVE_SCRIPT = `"use strict";
(() => {
  const EVERY_MS = 10000, LEAST_MS = 1000;
  let last = Date.now(), least = LEAST_MS, timer, busy = false;
  const mark = (text) => {
    const place = document.querySelector("[data-liveness]");
    if (place) place.textContent = text;
  };
  const refresh = async () => {
    timer = undefined;
    if (busy || document.hidden) return;
    busy = true;
    const began = Date.now();
    try {
      const answer = await fetch(location.href, {
        headers: { Accept: "text/html" }, signal: AbortSignal.timeout(10000) });
      // To the login page: the session has ended.
      if (answer.redirected) return void mark("logged out: reload the page to log in");
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const old of document.querySelectorAll("[data-live]")) {
        const next = fresh.querySelector('[data-live="' + old.dataset.live + '"]');
        if (!next || next.innerHTML === old.innerHTML) continue;
        if (old.contains(document.activeElement) && document.activeElement.matches("input,select"))
          continue;
        const focused = old.contains(document.activeElement) &&
          document.activeElement.getAttribute("href");
        old.replaceWith(document.adoptNode(next));
        if (focused) for (const link of next.querySelectorAll("a"))
          if (link.getAttribute("href") === focused) { link.focus(); break; }
      }
      mark("live");
    } catch { mark("no answer from the server: this page may be out of date"); }
    finally {
      busy = false;
      last = Date.now();
      least = Math.max(LEAST_MS, 10 * (last - began));
    }
  };
  const soon = () => { timer ??= setTimeout(refresh, Math.max(0, last + least - Date.now())); };
  setInterval(soon, EVERY_MS);
  let source;
  const unfollow = () => { source?.close(); source = undefined; };
  const follow = () => {
    if (source || document.hidden) return;
    source = new EventSource("/api/v1/events/stream");
    source.onmessage = soon;
    source.onerror = () => {
      if (source?.readyState !== 2) return;
      unfollow();
      setTimeout(follow, 30000);
    };
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return unfollow();
    follow();
    soon();
  });
  addEventListener("pagehide", unfollow);
  addEventListener("pageshow", (event) => { if (event.persisted) { follow(); soon(); } });
  follow();
  mark("live");
})();
`;
