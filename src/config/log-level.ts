/** How serious a line of the log or an event is, the least serious first. */

export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];
