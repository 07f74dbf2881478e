// A program in a workspace: it reads, pages, writes, asks GraphQL and is refused,
// and prints what came of each as JSON.
import { Octokit } from "octokit";

const octokit = new Octokit({ baseUrl: process.env.GITHUB_API_URL, auth: process.env.GH_ENTERPRISE_TOKEN });
const at = { owner: "acme", repo: "widgets" };

const read = await octokit.rest.repos.get(at);
const paged = await octokit.paginate(octokit.rest.apps.listReposAccessibleToInstallation, { per_page: 1 });
const written = await octokit.rest.pulls.create({ ...at, title: "Fix", head: "agent/fix", base: "main" });
const viewer = await octokit.graphql("{ viewer { login } }");
const asked = await octokit.graphql(
  "query ($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { nameWithOwner } }",
  { owner: at.owner, name: at.repo },
);
const refusal = await octokit.rest.repos
  .createOrUpdateFileContents({ ...at, path: "a", message: "Add a", content: "" })
  .catch((error) => ({ name: error.name, status: error.status, message: error.message }));

console.log(JSON.stringify({
  read: read.data.full_name,
  paged: paged.map((repository) => repository.full_name),
  written: written.data.number,
  viewer: viewer.viewer.login,
  asked: asked.repository.nameWithOwner,
  refusal,
}));
