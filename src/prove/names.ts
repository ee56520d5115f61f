/** How the ids of all sandboxes of `docker cni test` begin, and so the names of their network namespaces. */
export const TEST_PREFIX = "docker-cni-test-";
