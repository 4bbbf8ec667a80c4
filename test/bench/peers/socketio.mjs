// The npm libraries socket.io and @socket.io/postgres-adapter: client N, who connects with
// {client: N}, joins room N / SIZE; events come from the other members of the cluster through the
// adapter.
//
//   socketio.mjs SIZE HOST PORT DATABASE      prints its port

import { createServer } from 'node:http';
import pg from 'pg';
import { createAdapter } from '@socket.io/postgres-adapter';
import { Server } from 'socket.io';

const [size, host, port, database] = process.argv.slice(2);
const pool = new pg.Pool({ host, port: Number(port), database, user: 'postgres', max: 4 });
const http = createServer();
const io = new Server(http, { transports: ['websocket'], adapter: createAdapter(pool) });
io.on('connection', socket => socket.join(String(Math.floor(socket.handshake.auth.client / size))));
http.listen(0, '127.0.0.1', 1024, () => console.log(http.address().port));
