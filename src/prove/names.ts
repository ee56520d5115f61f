/** How the ids of all sandboxes of `docker cni test` begin, and so the names of their network namespaces. */
export const TEST_PREFIX = "docker-cni-test-";

/** The word by which the test calls this program in the namespaces that it makes; nobody else does. */
export const AGENT_WORD = "test-agent";
