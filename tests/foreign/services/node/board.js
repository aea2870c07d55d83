// A board of personal notes: Express, express-session, a file of notes per user.
//
// With --fault requests that are under way share their work by path alone: whoever asks while another request for the
// same path is being answered is given that request's answer. Without it the key names the user as well.

import express from 'express'
import session from 'express-session'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const { values: options } = parseArgs({
  options: {
    fault: { type: 'boolean', default: false },
    'renew-cookie': { type: 'boolean', default: false },
    users: { type: 'string', default: '20' }
  }
})

const folder = await mkdtemp(join(tmpdir(), 'board-'))
const passwords = new Map()
for (let number = 1; number <= Number(options.users); number++) {
  passwords.set(`tester${number}`, `password-tester${number}`)
}

const fileOf = user => join(folder, `${user}.json`)

async function notesOf (user) {
  try {
    return JSON.parse(await readFile(fileOf(user), 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
}

// Requests under way, so that ten questions at once cost one look-up.
const underWay = new Map()

function once (key, work) {
  let result = underWay.get(key)
  if (!result) {
    result = work().finally(() => underWay.delete(key))
    underWay.set(key, result)
  }
  return result
}

const app = express()
app.use(express.json())
app.use(session({
  name: 'sid',
  secret: randomBytes(16).toString('hex'),
  resave: false,
  // Every answer sets the cookie anew.
  rolling: options['renew-cookie'],
  saveUninitialized: false,
  cookie: { httpOnly: true, sameSite: 'lax' }
}))

app.post('/api/login', (request, response, next) => {
  const { user, password } = request.body
  if (!passwords.has(user) || passwords.get(user) !== password) {
    return response.status(403).json({ error: 'name or password is wrong' })
  }
  request.session.regenerate(error => {
    if (error) return next(error)
    request.session.user = user
    request.session.csrf = randomBytes(16).toString('hex')
    response.json({ user, csrf: request.session.csrf })
  })
})

app.use('/api', (request, response, next) => {
  if (!request.session.user) return response.status(401).json({ error: 'log in first' })
  if (request.method !== 'GET' && request.get('x-csrf-token') !== request.session.csrf) {
    return response.status(403).json({ error: 'the token is missing' })
  }
  next()
})

app.get('/api/notes', async (request, response) => {
  const { user } = request.session
  const key = options.fault ? request.originalUrl : `${user} ${request.originalUrl}`
  response.json(await once(key, async () => ({ user, notes: await notesOf(user) })))
})

app.post('/api/notes', async (request, response) => {
  const { user } = request.session
  const notes = [{ text: String(request.body.text) }, ...await notesOf(user)].slice(0, 5)
  await writeFile(fileOf(user), JSON.stringify(notes))
  response.status(201).json({ notes: notes.length })
})

app.post('/api/logout', (request, response, next) => {
  request.session.destroy(error => {
    if (error) return next(error)
    response.clearCookie('sid').status(204).end()
  })
})

const server = app.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
