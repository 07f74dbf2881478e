// An app that signs a person in, as octokit does it, and acts in their name. It
// prints what came of each step as JSON.
import { Octokit } from "octokit";
import { createDeviceCode, exchangeDeviceCode, exchangeWebFlowCode, getWebFlowAuthorizationUrl, refreshToken } from "@octokit/oauth-methods";
import { request as anonymous } from "@octokit/request";

const [url, clientId, clientSecret] = [process.env.GITHUB_URL, process.env.CLIENT_ID, process.env.CLIENT_SECRET];
const request = anonymous.defaults({ baseUrl: url + "/api/v3" });
const app = { clientType: "github-app", clientId, request };
const outcome = (error) => error.response.data.error;

const device = (await createDeviceCode(app)).data;
const pending = await exchangeDeviceCode({ ...app, code: device.device_code }).catch(outcome);
await fetch(device.verification_uri, { // what a browser does
  method: "POST", body: new URLSearchParams({ user_code: device.user_code, login: "alice", answer: "approve" }),
});
await new Promise((done) => setTimeout(done, 1000 * device.interval));
const first = (await exchangeDeviceCode({ ...app, code: device.device_code })).authentication;
const spent = await exchangeDeviceCode({ ...app, code: device.device_code }).catch(outcome);
const renewed = (await refreshToken({ ...app, clientSecret, refreshToken: first.refreshToken })).authentication;
const again = await refreshToken({ ...app, clientSecret, refreshToken: first.refreshToken }).catch(outcome);

const who = async (token) => (await new Octokit({ baseUrl: url + "/api/v3", auth: token }).rest.users.getAuthenticated()).data.login;
const dead = await who(first.token).catch((error) => error.status);
const octokit = new Octokit({ baseUrl: url + "/api/v3", auth: renewed.token });
const pull = await octokit.rest.pulls.create({ owner: "acme", repo: "widgets", title: "Fix", head: "fix", base: "main" });

const page = getWebFlowAuthorizationUrl({ ...app, redirectUrl: "http://127.0.0.1/back", state: "state", login: "alice" });
const back = new URL((await fetch(page.url, { redirect: "manual" })).headers.get("location"));
const web = await exchangeWebFlowCode({ ...app, clientSecret, code: back.searchParams.get("code") });

console.log(JSON.stringify({
  pending, spent, again, dead,
  life: [first.expiresAt, first.refreshTokenExpiresAt].map((at) => Math.round((new Date(at) - Date.now()) / 60000)),
  viewer: await who(renewed.token), author: pull.data.user.login,
  state: back.searchParams.get("state"), web: await who(web.authentication.token),
}));
