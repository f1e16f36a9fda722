import { LAYOUT, NODE_NAME } from './layout.ts'

const VOLUMES = 9
const CLASS = 'local'

/**
 * What a cluster that one installs into has: a default storage class. There is no provisioner: a few volumes are there
 * from the beginning, in these folders.
 */
export function clusterObjects(): { readonly folders: readonly string[]; readonly objects: readonly object[] } {
  const names = Array.from({ length: VOLUMES }, (_, index) => `volume-${index}`)
  return {
    folders: names.map((name) => `${LAYOUT.volumes}/${name}`),
    objects: [
      {
        apiVersion: 'storage.k8s.io/v1',
        kind: 'StorageClass',
        metadata: { name: CLASS, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
        provisioner: 'kubernetes.io/no-provisioner',
        volumeBindingMode: 'WaitForFirstConsumer',
      },
      ...names.map((name) => ({
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name },
        spec: {
          capacity: { storage: '10Gi' },
          accessModes: ['ReadWriteOnce'],
          storageClassName: CLASS,
          persistentVolumeReclaimPolicy: 'Retain',
          local: { path: `${LAYOUT.volumes}/${name}` },
          nodeAffinity: {
            required: {
              nodeSelectorTerms: [
                { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [NODE_NAME] }] },
              ],
            },
          },
        },
      })),
    ],
  }
}
