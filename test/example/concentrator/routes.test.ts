/** Routes shared by Child SAs: one route for each destination, that of the last Child SA. */

import { expect, test } from "bun:test";
import {
  changeRoute,
  childRoutes,
  type RouteTable,
  releaseRoute,
  useRoute,
} from "../../../src/concentrator/dataplane/routes.ts";
import { formatPrefix } from "../../../src/inet/prefix.ts";
import type { RemoteRoute } from "../../../src/xfrm/route.ts";
import { addressOf, prefixOf } from "../../contract/xfrm-samples.ts";
import { childPlace, selectorOf } from "./child-place.ts";

test("two Child SAs with the same next hop share a route", () => {
  const table: RouteTable = new Map();
  const route = routeBy("192.0.2.11");
  expect(useRoute(table, 1, route)).toEqual({ op: "put-route", route });
  expect(useRoute(table, 2, { ...route })).toBeUndefined();
  expect(releaseRoute(table, 1, route)).toBeUndefined();
  expect(releaseRoute(table, 1, route)).toBeUndefined(); // a second time changes nothing
  expect(releaseRoute(table, 2, route)).toEqual({ op: "delete-route", route });
  expect(table.size).toBe(0);
});

test("the last Child SA decides the next hop; when it ends, the one before it does again", () => {
  const table: RouteTable = new Map();
  const [first, second] = [routeBy("192.0.2.11"), routeBy("192.0.2.12")];
  useRoute(table, 1, first);
  expect(useRoute(table, 2, second)).toEqual({ op: "put-route", route: second });
  expect(releaseRoute(table, 2, second)).toEqual({ op: "put-route", route: first });
  useRoute(table, 3, second);
  expect(releaseRoute(table, 1, first)).toBeUndefined();
  expect(releaseRoute(table, 3, second)).toEqual({ op: "delete-route", route: second });
});

test("a route follows a Child SA that moves, if it is the one in force", () => {
  const table: RouteTable = new Map();
  const [first, second] = [routeBy("192.0.2.11"), routeBy("192.0.2.12")];
  useRoute(table, 1, first);
  expect(changeRoute(table, 1, second)).toEqual({ op: "put-route", route: second });
  expect(changeRoute(table, 1, second)).toBeUndefined();
  useRoute(table, 2, second);
  expect(changeRoute(table, 1, first)).toBeUndefined();
  expect(releaseRoute(table, 2, second)).toEqual({ op: "put-route", route: first });
  expect(changeRoute(table, 7, first)).toBeUndefined(); // not one that has a route
});

test("each remote subnet gets one route, whatever its ports; transport mode gets none", () => {
  const place = childPlace();
  const http = { ...selectorOf("192.168.1.0/24"), protocol: 6, startPort: 80, endPort: 80 };
  const remote = [selectorOf("192.168.1.0/24"), http, selectorOf("192.168.9.0/24")];
  const options = { ...place.options, routes: true };
  const routes = childRoutes({ ...place, options, child: { ...place.child, remote } });
  expect(routes.map(({ destination }) => formatPrefix(destination))).toEqual([
    "192.168.1.0/24",
    "192.168.9.0/24",
  ]);
  const transport = { ...place.child, mode: "transport" } as const;
  expect(childRoutes({ ...place, options, child: transport })).toEqual([]);
});

function routeBy(towards: string): RemoteRoute {
  const destination = prefixOf("192.168.1.0/24");
  return { destination, towards: addressOf(towards), localSubnets: [], ifId: undefined };
}
