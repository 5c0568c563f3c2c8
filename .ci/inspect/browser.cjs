// Looks at both pages as a person does; see `browser`.
"use strict";
const assert = require("node:assert");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const { chromium } = require("playwright-core");

const [, , url, stage, pictures] = process.argv;
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** Asks as a program does, and takes all of the answer. */
const get = (target) =>
  new Promise((done, failed) => {
    const asked = http.get(url + target, (answer) => {
      let text = "";
      answer.on("data", (data) => (text += data));
      answer.on("end", () => done({ fields: answer.headers, text }));
      answer.on("error", () => done({ fields: answer.headers, text }));
    });
    asked.on("error", failed);
  });

/** A page that complains of everything that it should not do. */
const open = async (browser, options) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const faults = [];
  page.on("console", (said) => said.type() === "error" && faults.push(said.text()));
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("request", (asked) => {
    if (!asked.url().startsWith(url) && !asked.url().startsWith("data:")) faults.push("asked for " + asked.url());
  });
  return { context, page, faults };
};

/** What axe-core finds; it is evaluated by the debugger, which the page's own policy does not stop. */
const violations = async (page) => {
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run());
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
};

const main = async () => {
  for (const target of ["/quarrel", "/too-late", "/fail", "/break", "/panic", "/login"]) await get(target);
  for (let number = 1; number <= 200; number += 1) await get(`/orders/${number}`);
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });

  // 200 exchanges, and one of them may be kept by everybody: which line says so?
  const { page, faults, context } = await open(browser);
  await page.goto(url + "/_head/");
  let clicks = 0;
  const click = async (what) => {
    clicks += 1;
    await what.click();
  };
  await page.getByLabel("Field", { exact: true }).fill("cache-control: max-age=31536000");
  await click(page.getByRole("button", { name: "Filter" }));
  const rows = page.locator("#rows tr th a");
  assert.strictEqual(await rows.count(), 1, "one exchange has it");
  await click(rows.first());
  assert.match(await page.title(), /\/orders\/137/);
  const field = page.locator("tr", { has: page.getByRole("rowheader", { name: "cache-control", exact: true }) });
  const source = field.getByRole("link", { name: /orders\.rs:\d+/ }).last();
  const place = /(\S*orders\.rs):(\d+)/.exec(await source.innerText());
  const root = path.resolve(__dirname, "../..");
  const line = fs.readFileSync(path.join(root, place[1]), "utf8").split("\n")[place[2] - 1];
  assert.match(line, /public, max-age=31536000/);
  assert.match(await source.getAttribute("href"), /^vscode:\/\/file\/.*orders\.rs:\d+$/);
  clicks += 1; // The link into the editor is the third.
  assert.ok(clicks <= 3, `${clicks} clicks`);
  console.log(`found ${place[1]}:${place[2]} among 200 exchanges in ${clicks} clicks`);

  // Both pages, in both colours, have nothing that axe-core minds.
  const exchange = page.url();
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const [name, at] of [["list", "/_head/"], ["exchange", null], ["quarrel", "/_head/1"]]) {
      await page.goto(at === null ? exchange : url + at);
      assert.deepStrictEqual(await violations(page), [], `${name}, ${colorScheme}`);
      if (pictures) await page.screenshot({ path: path.join(pictures, `${name}-${colorScheme}.png`) });
      if (name !== "quarrel") fs.writeFileSync(path.join(stage, `${name}.html`), (await get(new URL(page.url()).pathname)).text);
    }
  }
  console.log("axe-core: 0 violations on three pages in two colour schemes");

  // The link that each response carries leads to its page.
  const link = (await get("/rows")).fields["x-debug-token-link"];
  await page.goto(url + link);
  assert.match(await page.title(), /\/rows/);

  // Rows come as responses end.
  await page.goto(url + "/_head/");
  await page.getByRole("button", { name: "Pause" }).waitFor();
  await page.getByText(/^Live:/).waitFor();
  await get("/rows?live");
  await page.locator("#rows tr").first().getByText("/rows").waitFor();

  // By the keyboard alone: past the form to the first row, and into it.
  await page.goto(url + "/_head/");
  const focused = () => page.evaluate(() => document.activeElement.getAttribute("href") || "");
  let tabs = 0;
  while (!/^\/_head\/\d+$/.test(await focused())) {
    await page.keyboard.press("Tab");
    tabs += 1;
    assert.ok(tabs < 30, "the rows are not reached by the keyboard");
  }
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/_head\/\d+$/);
  assert.deepStrictEqual(faults, [], "what the browser complained of");
  await context.close();

  // Without a script there is the list, and the form.
  const bare = await open(browser, { javaScriptEnabled: false });
  await bare.page.goto(url + "/_head/?path=/orders/7");
  assert.ok((await bare.page.locator("#rows tr").count()) > 0);
  assert.deepStrictEqual(bare.faults, []);
  await browser.close();
  console.log("live rows, keyboard, no script: as they should be");
};

// Connections that wait for more requests would keep node here.
main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
