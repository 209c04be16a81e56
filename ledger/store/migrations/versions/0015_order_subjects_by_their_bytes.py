"""order subjects by their bytes"""

from alembic import op

revision = '0015'
down_revision = '0014'


def upgrade() -> None:
    # The table stays as it is; its index of names is built anew. SQLite orders by bytes of itself.
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('ALTER TABLE subjects ALTER COLUMN name TYPE VARCHAR(128) COLLATE "C"')


def downgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('ALTER TABLE subjects ALTER COLUMN name TYPE VARCHAR(128) COLLATE "default"')
