import { makeContainer } from "./container.ts";
import { findLeaks, processesEnd } from "./leaks.ts";
import { makePlace, removePlace } from "./place.ts";
import { gc } from "./scenarios.ts";

/**
 * One container's life where /run/netns is as the argument says, `missing` or `private`. Runs in network and mount
 * namespaces of its own; prints what was seen as JSON.
 */
const place = await makePlace(process.argv[2] === "missing" ? "missing" : "private");
try {
  const container = makeContainer(place, 1);
  container.exist();
  await container.start();
  const before = await container.link();
  await container.stop();
  await container.start();
  const after = await container.link();
  await container.stop();
  container.remove();
  await gc(place);
  await new Promise((resolve) => setTimeout(resolve, 6000));
  console.log(JSON.stringify({ before, after, leaks: await findLeaks(place) }));
} finally {
  await processesEnd(place);
  removePlace(place);
}
