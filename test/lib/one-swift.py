"""OpenStack Swift with its S3 interface, in one process on 127.0.0.1: proxy, account, container and
object server, which otherwise are processes of their own, with one device and one replica.

    /usr/bin/python3 one-swift.py FOLDER PORT KEY SECRET

Says "ready" once it listens. FOLDER must be on a file system that has user xattrs.
"""

import logging
import os
import sys
import warnings

warnings.simplefilter('ignore')
FOLDER, PORT, KEY, SECRET = os.path.abspath(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]

COMMON = f'''
[DEFAULT]
swift_dir = {FOLDER}
devices = {FOLDER}/devices
recon_cache_path = {FOLDER}/cache
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
log_level = CRITICAL
'''

PROXY = COMMON + '''
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats bulk s3api tempauth slo proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true

[filter:s3api]
use = egg:swift#s3api
location = us-east-1
storage_domain = localhost
s3_acl = false

[filter:tempauth]
use = egg:swift#tempauth
user_test_test = unused .admin
''' + ''.join(f'\n[filter:{name}]\nuse = egg:swift#{name}\n'
              for name in ('catch_errors', 'gatekeeper', 'listing_formats', 'bulk', 'slo'))


def write(name, text):
    with open(f'{FOLDER}/{name}', 'w') as file:
        file.write(text)


os.makedirs(f'{FOLDER}/devices/one', exist_ok=True)
os.makedirs(f'{FOLDER}/cache', exist_ok=True)
write('swift.conf', '[swift-hash]\nswift_hash_path_suffix = a\nswift_hash_path_prefix = b\n'
      '[storage-policy:0]\nname = only\ndefault = yes\n')

# Imports come in this order: Swift reads swift.conf while it is imported.
from swift.common import utils  # noqa: E402
utils.set_swift_dir(FOLDER)
utils.eventlet_monkey_patch()
import eventlet.wsgi  # noqa: E402
from swift.common import storage_policy  # noqa: E402
storage_policy.reload_storage_policies()
from swift.common.middleware import tempauth  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402
from swift.common.wsgi import SwiftHttpProtocol, loadapp  # noqa: E402

KINDS = ('account', 'container', 'object')


class Cache(dict):
    """What memcached does for several processes."""

    def __bool__(self):
        return True

    def get(self, key, *args, **kwargs):
        return dict.get(self, key)

    def set(self, key, value, *args, **kwargs):
        self[key] = value

    def delete(self, key, *args, **kwargs):
        self.pop(key, None)

    def incr(self, key, delta=1, *args, **kwargs):
        self[key] = max(0, int(dict.get(self, key) or 0) + delta)
        return self[key]

    def decr(self, key, delta=1, *args, **kwargs):
        return self.incr(key, -delta)

    def set_multi(self, values, *args, **kwargs):
        self.update(values)

    def get_multi(self, keys, *args, **kwargs):
        return [dict.get(self, key) for key in keys]


class Auth(tempauth.TempAuth):
    """Its own users are called account:user; an access key has no colon."""

    def __init__(self, app, conf):
        super().__init__(app, conf)
        self.users[KEY] = {'key': SECRET, 'url': '$host/v1/AUTH_main', 'groups': [KEY, '.admin']}


def make_ring(kind, port):
    builder = RingBuilder(4, 1, 1)
    builder.add_dev({'id': 0, 'region': 1, 'zone': 1, 'weight': 1, 'device': 'one', 'meta': '',
                     'ip': '127.0.0.1', 'port': port,
                     'replication_ip': '127.0.0.1', 'replication_port': port})
    builder.rebalance()
    builder.get_ring().save(f'{FOLDER}/{kind}.ring.gz')


def serve(socket, app):
    eventlet.wsgi.server(socket, app, log=quiet, protocol=SwiftHttpProtocol,
                         custom_pool=eventlet.GreenPool(1024))


tempauth.TempAuth = Auth
quiet = logging.getLogger('quiet')
quiet.addHandler(logging.NullHandler())
quiet.propagate = False

front = eventlet.listen(('127.0.0.1', PORT), backlog=4096)
for kind in KINDS:
    socket = eventlet.listen(('127.0.0.1', 0), backlog=4096)
    make_ring(kind, socket.getsockname()[1])
    write(f'{kind}.conf', COMMON + f'[pipeline:main]\npipeline = {kind}\n[app:{kind}]\nuse = egg:swift#{kind}\n')
    eventlet.spawn(serve, socket, loadapp(f'{FOLDER}/{kind}.conf', global_conf={'log_name': kind}))
write('proxy.conf', PROXY)
proxy = loadapp(f'{FOLDER}/proxy.conf', global_conf={'log_name': 'proxy'}, allow_modify_pipeline=False)
cache = Cache()


def with_cache(environ, start_response):
    environ['swift.cache'] = cache
    return proxy(environ, start_response)


print('ready', flush=True)
serve(front, with_cache)
