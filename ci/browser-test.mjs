// A person's way through the documentation page: log in, find a submitted business case, approve it.
// Needs BASE_URL, USERNAME and PASSWORD; CHROMIUM names another browser, SCREENSHOTS a folder.
import { stripVTControlCharacters } from 'node:util';
import { chromium } from 'playwright-core';

const { BASE_URL, USERNAME, PASSWORD, CHROMIUM = '/usr/bin/chromium', SCREENSHOTS } = process.env;
if (!BASE_URL || !USERNAME || !PASSWORD) throw new Error('BASE_URL, USERNAME and PASSWORD say where to log in, and as whom.');
const origin = new URL(BASE_URL).origin;
const complaints = [];

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  // The browser's own calls home, and the sandbox that root cannot have.
  args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic', '--no-first-run'],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
page.setDefaultTimeout(20_000);

page.on('console', (message) => {
  if (['error', 'warning'].includes(message.type())) complaints.push(`The console says: ${message.text()}`);
});
page.on('pageerror', (error) => complaints.push(`The page throws: ${error.message}`));
page.on('requestfailed', (request) => complaints.push(`${request.url()} fails: ${request.failure()?.errorText}`));
page.on('request', (request) => {
  const url = new URL(request.url());
  if (url.protocol !== 'data:' && url.origin !== origin) complaints.push(`The page asks another server: ${url}`);
});

try {
  await page.goto(`${origin}/docs/`);
  await logIn();

  const list = await open('list_business_cases');
  await fill(list, 'state', 'submitted');
  const { items: [submitted] } = JSON.parse((await execute(list)).body);
  if (!submitted) throw new Error('There is no submitted business case to approve.');

  const get = await open('find_business_case');
  await fill(get, 'id', submitted.id);
  const etag = (await execute(get)).headers.match(/^\s*etag:\s*(.+?)\s*$/im)?.[1];
  if (!etag) throw new Error('The business case comes without an ETag.');

  const approve = await open('approve_business_case');
  await fill(approve, 'id', submitted.id);
  await fill(approve, 'If-Match', etag);
  await execute(approve);
} catch (error) {
  complaints.push(stripVTControlCharacters(error.message));
  await screenshot(page, 'failure');
}
await browser.close();

for (const complaint of complaints) console.error(complaint);
if (complaints.length) process.exit(1);
console.log('The documentation page works.');

async function logIn() {
  await page.locator('.auth-wrapper > .authorize').click();
  const dialog = page.locator('.modal-ux');
  const client = await dialog.locator('#client_id_password').inputValue();
  if (client !== 'swagger-ui') throw new Error(`The client id is not filled in: '${client}'.`);
  await dialog.locator('#oauth_username').fill(USERNAME);
  await dialog.locator('#oauth_password').fill(PASSWORD);
  await dialog.locator('.auth-container', { has: page.locator('#oauth_password') }).getByRole('button', { name: 'Apply given OAuth2 credentials' }).click();
  const refusal = dialog.locator('.errors').first();
  // Each flow of a scheme shows the outcome.
  await dialog.getByRole('button', { name: 'Remove authorization' }).or(refusal).first().waitFor();
  await screenshot(dialog, 'login');
  if (await refusal.count()) throw new Error(`The login fails: ${await refusal.innerText()}`);
  await dialog.locator('.close-modal').click();
}

async function open(operationId) {
  const operation = page.locator(`.opblock[id$="-${operationId}"]`);
  await operation.locator('.opblock-summary-control').click();
  await operation.getByRole('button', { name: 'Try it out' }).click();
  return operation;
}

async function fill(operation, parameter, value) {
  const field = operation.locator(`tr[data-param-name="${parameter}"]`).locator('select, input[type="text"]').first();
  if (await field.evaluate((element) => element.tagName === 'SELECT')) await field.selectOption(value);
  else await field.fill(value);
}

/** Sends the request, and reads the answer off the page. */
async function execute(operation) {
  await operation.getByRole('button', { name: 'Execute' }).click();
  const response = operation.locator('.live-responses-table .response');
  const status = (await response.locator('.response-col_status').innerText()).trim();
  const [body, headers = ''] = await response.locator('.response-col_description pre').allInnerTexts();
  const id = await operation.getAttribute('id');
  await screenshot(operation, id.split('-').pop());
  if (!/^200\b/.test(status)) throw new Error(`${id} answers ${status}: ${body}`);
  return { body, headers };
}

async function screenshot(target, name) {
  if (SCREENSHOTS) await target.screenshot({ path: `${SCREENSHOTS}/${name}.png` });
}
