// An OpenID provider that is not ours (npm oidc-provider), with pages that a browser without a user gets through:
// each page is a form that its own script submits. Arguments: port, life of an access token in seconds.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import http from 'node:http';

const require = createRequire(`${process.env.OIDC_MODULES}/index.js`);
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')).href);

const port = Number(process.argv[2]);
const life = Number(process.argv[3]);
const deny = process.argv[4] === 'deny';
const issuer = `http://127.0.0.1:${port}`;

const page = (action, fields, words) => `<!doctype html><title>${words}</title><h1>${words}</h1>
  <form method="post" action="${action}">${fields}</form>
  <script>document.addEventListener('DOMContentLoaded', () => document.forms[0].submit())</script>`;

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'toy-client',
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    response_types: ['code'],
    redirect_uris: ['http://127.0.0.1/'],
  }],
  pkce: { required: () => true },
  cookies: { keys: ['a key of these tests'] },
  claims: { openid: ['sub'], email: ['email'] },
  ttl: { AccessToken: life, AuthorizationCode: 60, DeviceCode: 60, RefreshToken: 600, Grant: 600, Session: 600, Interaction: 600, IdToken: 600 },
  rotateRefreshToken: true,
  findAccount: async (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id, email: `${id}@example.org` }) }),
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  features: {
    devInteractions: { enabled: false },
    revocation: { enabled: true },
    deviceFlow: {
      enabled: true,
      userCodeInputSource: async (ctx, form) => { ctx.body = `<!doctype html>${form}`; },
      userCodeConfirmSource: async (ctx, form) => {
        ctx.body = `<!doctype html>${form}<script>document.addEventListener('DOMContentLoaded', () => document.forms[0].submit())</script>`;
      },
      successSource: async (ctx) => { ctx.body = '<!doctype html><h1>done</h1>'; },
    },
  },
});

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next();
  const details = await provider.interactionDetails(ctx.req, ctx.res);
  if (ctx.method === 'GET') {
    ctx.type = 'html';
    ctx.body = page(ctx.path, '<input type="hidden" name="go" value="1">', details.prompt.name);
    return undefined;
  }
  let result;
  if (deny) {
    result = { error: 'access_denied', error_description: 'the user said no' };
  } else if (details.prompt.name === 'login') {
    result = { login: { accountId: 'somebody' } };
  } else {
    const grant = details.grantId
      ? await provider.Grant.find(details.grantId)
      : new provider.Grant({ accountId: details.session.accountId, clientId: details.params.client_id });
    if (details.prompt.details.missingOIDCScope) grant.addOIDCScope(details.prompt.details.missingOIDCScope.join(' '));
    result = { consent: { grantId: await grant.save() } };
  }
  ctx.respond = false;
  await provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: true });
  return undefined;
});

http.createServer(provider.callback()).listen(port, '127.0.0.1', () => process.stdout.write('listening\n'));
